"""Scores of completed scenes, counted exactly as the papers count them."""

from __future__ import annotations

from ssc_ros.metrics.completion import CompletionCounts, CompletionScores
from ssc_ros.metrics.tables import format_scores, format_table

__all__ = ['CompletionCounts', 'CompletionScores', 'format_scores', 'format_table']
