"""
Published figures of label images beside those measured, counted in both ways.

Measured figures are standard ones and, where it says so, counted as the release does: only those
compare with the published mAcc and mIoU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssc_ros.labels import load_label_space
from ssc_ros.metrics import SegmentationCounts, format_table, mean_and_spread
from training.tables.published import Row
from training.tables.report import ABSENT, MeasuredRows, Report, Results, intervals, mean, number

SCORES = {'PixAcc': 'pixel_accuracy', 'mAcc': 'mean_accuracy', 'mIoU': 'mean_iou'}


def _cells(row: Row, results: Results) -> list[str]:
    release = [result['release'] for result in results]
    return [
        row['method'], _configuration(row), *(number(row[key]) for key in SCORES.values()),
        *(mean(results, key) for key in SCORES.values()),
        *(mean(release, key) for key in list(SCORES.values())[1:]), _depth(results),
        ', '.join(sorted({str(result['images']) for result in results})) or ABSENT]


def _configuration(row: Row) -> str:
    return ', '.join(
        value if name == 'preset' else f'{name} {value}'
        for name, value in (row['configuration'] or {}).items()) or ABSENT


def _depth(results: Results) -> str:
    errors = [result['depth_rmse_m'] for result in results if 'depth_rmse_m' in result]
    return f'{mean_and_spread(errors).mean:.3f} m' if errors else ABSENT


def _class_table(rows: MeasuredRows) -> str:
    """Return the published and measured IoU of the 40 classes of NYUv2, where there are any."""
    names = load_label_space('nyu40').names
    cells = []
    for row, results in rows:
        if 'class_iou' in row:
            cells.append([row['method'], 'published', *map(number, row['class_iou'])])
        for kind, tables in (('measured', results), ('release', [
                result['release'] for result in results])):
            per_class = [table['per_class_iou'] for table in tables]
            if per_class and per_class[0].keys() == set(names):
                cells.append([row['method'], kind, *(mean(per_class, name) for name in names)])
    return format_table(['row', '', *names], cells) if cells else ''


def _run_cells(result: Mapping[str, Any]) -> list[str]:
    return [str(result['started_from']), *intervals(result, [*SCORES.values()])]


SEGMENTATION = Report(
    header=[
        'row', 'configuration', *(f'{name} publ.' for name in SCORES), *SCORES,
        *(f'{name} release' for name in list(SCORES)[1:]), 'depth RMSE', 'images'],
    cells=_cells, class_table=_class_table,
    run_header=['began with', *(f'{name} 95 %' for name in SCORES)], run_cells=_run_cells,
    counts=SegmentationCounts, scores=SCORES, frames='images')
