"""Scores of completed scenes, counted exactly as the papers count them."""

from __future__ import annotations

from ssc_ros.metrics.benchmark import BenchmarkCounts, Interval
from ssc_ros.metrics.completion import CompletionCounts, CompletionScores
from ssc_ros.metrics.regions import ScoredRegion, sketch_region, sscnet_region
from ssc_ros.metrics.spread import Spread, mean_and_spread
from ssc_ros.metrics.tables import format_scores, format_table

__all__ = [
    'BenchmarkCounts', 'CompletionCounts', 'CompletionScores', 'Interval', 'ScoredRegion',
    'Spread', 'format_scores', 'format_table', 'mean_and_spread', 'sketch_region',
    'sscnet_region',
]
