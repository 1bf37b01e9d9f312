"""Scores of a single frame, for captions."""

from __future__ import annotations

from ssc_ros.metrics import CompletionCounts, CompletionScores
from ssc_ros.viewer.recorded_frame import RecordedFrame


def format_scores(scores: CompletionScores) -> str:
    """Return the two main scores in percent, on one line."""
    return f'SC IoU {100 * scores.sc_iou:.1f}, SSC mIoU {100 * scores.ssc_miou:.1f}'


def scene_scores(frame: RecordedFrame) -> CompletionScores | None:
    """Score a frame against its own ground truth; None where that is unknown."""
    if frame.ground_truth is None:
        return None
    counts = CompletionCounts(len(frame.estimate.label_space))
    counts.update(frame.estimate.labels, frame.ground_truth)
    return counts.scores()
