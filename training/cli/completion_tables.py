"""Published figures of scene completion beside those measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssc_ros.labels import load_label_space
from ssc_ros.metrics import BenchmarkCounts, format_table
from ssc_ros.models.occdepth.presets import load_preset
from training.tables.published import Row
from training.tables.report import ABSENT, MeasuredRows, Report, Results, intervals, mean, number

SCORES = {'SC IoU': 'sc_iou', 'SSC mIoU': 'ssc_miou'}


def _cells(row: Row, results: Results) -> list[str]:
    return [
        row['method'], _configuration(row), number(row['iou']), mean(results, 'sc_iou'),
        number(row['miou']), mean(results, 'ssc_miou'), counted_frames(results)]


def _configuration(row: Row) -> str:
    configuration = row['configuration']
    if isinstance(configuration, str):
        return load_preset(configuration).name
    return ', '.join(_switch(name, value) for name, value in (configuration or {}).items()) or (
        ABSENT)


def _switch(name: str, value: Any) -> str:
    """
    Describe a switch of AMMNet in few letters.

    >>> _switch('modulation', [1, 3]), _switch('fakes', ['erase']), _switch('encoder', 'resnet50')
    ('M13', 'D erase', 'resnet50')
    """
    if name == 'modulation':
        return 'M' + ''.join(map(str, value)) if value else 'add'
    if name == 'fakes':
        return 'no D' if value is None else ' '.join(['D', *value])
    return str(value) if name in ('encoder', 'data', 'rule') else f'{name} {value}'


def counted_frames(results: Results) -> str:
    """Return how many frames were scored, and of how many where some are missing."""
    scored = {(result.get('frames', 0), len(result.get('missing', ()))) for result in results}
    return ', '.join(
        f'{frames} of {frames + missing}' if missing else str(frames)
        for frames, missing in sorted(scored)) or ABSENT


def _class_table(rows: MeasuredRows) -> str:
    if not any('class_iou' in row for row, _ in rows):
        return ''
    names = load_label_space('nyu12').names[1:]
    cells = []
    for row, results in rows:
        figures = [row.get(key) for key in ('precision', 'recall', 'iou', 'miou')]
        cells.append([row['method'], 'published', *map(number, figures),
                      *map(number, row.get('class_iou', [None] * len(names)))])
        if results:
            keys = ('sc_precision', 'sc_recall', 'sc_iou', 'ssc_miou')
            per_class = [result['per_class_iou'] for result in results]
            cells.append([
                row['method'], 'measured', *(mean(results, key) for key in keys),
                *(mean(per_class, name) for name in names)])
    return format_table(['row', '', 'P', 'R', 'IoU', 'mIoU', *names], cells)


def _run_cells(result: Mapping[str, Any]) -> list[str]:
    return [*intervals(result, [*SCORES.values()]), str(len(result.get('missing', [])))]


COMPLETION = Report(
    header=['row', 'configuration', 'IoU', 'measured', 'mIoU', 'measured', 'frames'],
    cells=_cells, class_table=_class_table,
    run_header=[*(f'{name} 95 %' for name in SCORES), 'missing'], run_cells=_run_cells,
    counts=BenchmarkCounts, scores=SCORES)
