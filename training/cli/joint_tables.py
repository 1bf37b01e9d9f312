"""Published figures of voxels and of pixels beside those measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssc_ros.labels import load_label_space
from ssc_ros.metrics import BenchmarkCounts, format_table
from training.cli.completion_tables import SCORES as VOXEL_SCORES
from training.cli.completion_tables import counted_frames
from training.tables.published import Row
from training.tables.report import ABSENT, MeasuredRows, Report, Results, intervals, mean, number

SCORES = {**VOXEL_SCORES, 'SS mIoU': 'ss_miou'}
_PRINTED_CLASSES = ('wall', 'chair', 'objs')


def _cells(row: Row, results: Results) -> list[str]:
    published = (row.get('iou'), row.get('miou'), row.get('ss'))
    figures = zip(published, SCORES.values(), strict=True)
    return [
        row['method'], _configuration(row),
        *(text for figure, key in figures for text in (number(figure), mean(results, key))),
        counted_frames(results), _attention(results)]


def _configuration(row: Row) -> str:
    return ', '.join(
        str(value) if name in ('preset', 'data') else f'{name} {value}'
        for name, value in (row['configuration'] or {}).items()) or ABSENT


def _attention(results: Results) -> str:
    """Return the mean diagonal of the attention's map: 1 means that it does nothing."""
    known = [result['attention']['mean_diagonal'] for result in results if result['attention']]
    return f'{sum(known) / len(known):.3f}' if known else ABSENT


def _class_table(rows: MeasuredRows) -> str:
    names = load_label_space('nyu12').names[1:]
    cells = []
    for row, results in rows:
        for kind, published, key in (
                ('voxels', row.get('class_iou'), 'per_class_iou'),
                ('pixels', _printed(row, names), 'per_class_ss')):
            if published is not None:
                cells.append([row['method'], f'{kind}, published', *map(number, published)])
            per_class = [result[key] for result in results]
            if per_class and any(value is not None for value in per_class[0].values()):
                cells.append([row['method'], kind, *(mean(per_class, name) for name in names)])
    return format_table(['row', '', *names], cells) if cells else ''


def _printed(row: Row, names: tuple[str, ...]) -> list[float | None] | None:
    """Return the IoU of pixels by class, None where the paper prints none."""
    if not any(row.get('class_ss') or ()):
        return None
    known = dict(zip(_PRINTED_CLASSES, row['class_ss'], strict=True))
    return [known.get(name) for name in names]


def _run_cells(result: Mapping[str, Any]) -> list[str]:
    return [*intervals(result, [*SCORES.values()]), str(len(result.get('missing', [])))]


JOINT = Report(
    header=['row', 'configuration', 'IoU', 'measured', 'mIoU', 'measured', 'SS', 'measured',
            'frames', 'diag A'],
    cells=_cells, class_table=_class_table,
    run_header=[*(f'{name} 95 %' for name in SCORES), 'missing'], run_cells=_run_cells,
    counts=BenchmarkCounts, scores=VOXEL_SCORES)
