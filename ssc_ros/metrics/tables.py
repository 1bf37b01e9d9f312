"""Scores as plain text tables."""

from __future__ import annotations

from collections.abc import Sequence

from ssc_ros.metrics.completion import CompletionScores


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


def _format_row(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return '  '.join(cells).rstrip()
