"""Scores as plain text tables."""

from __future__ import annotations

from collections.abc import Sequence

from ssc_ros.metrics.completion import CompletionScores
from ssc_ros.metrics.segmentation import SegmentationScores

ABSENT = '-'


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """
    Align cells into columns: the first to the left, the others to the right.

    >>> print(format_table(['class', 'IoU'], [['floor', '91.2']]))
    class   IoU
    floor  91.2
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return '\n'.join(_format_row(row, widths) for row in (header, *rows))


def format_scores(scores: CompletionScores, names: Sequence[str]) -> str:
    """Return the scores in percent, one line each, then the IoU of every class but `names[0]`."""
    totals = {
        'SC precision': scores.sc_precision,
        'SC recall': scores.sc_recall,
        'SC IoU': scores.sc_iou,
        'SSC mIoU': scores.ssc_miou,
    }
    per_class = dict(zip(names[1:], scores.class_iou[1:], strict=True))
    rows = [[name, f'{100 * value:.2f}'] for name, value in {**totals, **per_class}.items()]
    return format_table(['score', '%'], rows)


def format_segmentation(
    standard: SegmentationScores, release: SegmentationScores, names: Sequence[str],
) -> str:
    """
    Return the scores of label images in percent, both ways of counting side by side.

    Args:
        standard, release: of `SegmentationCounts.scores` and `.release_scores`.
        names: of the classes 1 to C; the table of them has their accuracy and IoU.
    """
    pairs = {'PixAcc': 'pixel_accuracy', 'mAcc': 'mean_accuracy', 'mIoU': 'mean_iou'}
    totals = [[label, *(_percent(getattr(scores, key)) for scores in (standard, release))]
              for label, key in pairs.items()]
    columns = (standard.class_accuracy, standard.class_iou,
               release.class_accuracy, release.class_iou)
    classes = [[name, *map(_percent, values)]
               for name, *values in zip(names, *columns, strict=True)]
    return '\n\n'.join((
        format_table(['score', 'standard', 'release'], totals),
        format_table(['class', 'Acc', 'IoU', 'release Acc', 'IoU'], classes)))


def _percent(value: float) -> str:
    return ABSENT if value != value else f'{100 * value:.2f}'  # NaN differs from itself


def _format_row(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return '  '.join(cells).rstrip()
