"""Scores of completed scenes and of label images, counted exactly as the papers count them."""

from __future__ import annotations

from ssc_ros.metrics.benchmark import BenchmarkCounts, Interval
from ssc_ros.metrics.completion import CompletionCounts, CompletionScores
from ssc_ros.metrics.protocols import PROTOCOLS, Protocol, find_protocol
from ssc_ros.metrics.reconstruction import (
    GeometryScores,
    ReconstructionCounts,
    SurfaceTruth,
)
from ssc_ros.metrics.regions import ScoredRegion, sketch_region, sscnet_region
from ssc_ros.metrics.release_view import center_crop, nearest_resize, release_target
from ssc_ros.metrics.segmentation import SegmentationCounts, SegmentationScores
from ssc_ros.metrics.spread import Spread, mean_and_spread
from ssc_ros.metrics.tables import format_scores, format_segmentation, format_table

__all__ = [
    'PROTOCOLS', 'BenchmarkCounts', 'CompletionCounts', 'CompletionScores', 'GeometryScores',
    'Interval', 'Protocol', 'ReconstructionCounts', 'ScoredRegion', 'SegmentationCounts',
    'SegmentationScores', 'Spread', 'SurfaceTruth', 'center_crop', 'find_protocol',
    'format_scores', 'format_segmentation', 'format_table', 'mean_and_spread', 'nearest_resize',
    'release_target', 'sketch_region', 'sscnet_region',
]
