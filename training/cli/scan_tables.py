"""Published figures of reconstructed scans beside those measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssc_ros.labels import load_label_space
from ssc_ros.metrics import SegmentationCounts, format_table
from training.tables.published import Row
from training.tables.report import ABSENT, MeasuredRows, Report, Results, mean, number

# Printed names of published figures, and the keys of those measured.
SCORES = {'recall': 'geometry_recall', 'IoU': 'geometry_iou', 'mAcc': 'mean_accuracy',
          'mIoU': 'mean_iou'}
STRICT = 'strict_mean_iou'
DEFAULT_PROTOCOL = 'partial_to_full'


def _cells(row: Row, results: Results) -> list[str]:
    scored = _by_protocol(row, results)
    return [
        row['method'], _configuration(row),
        *(text for name, key in SCORES.items()
          for text in (number(row.get(name.lower())), mean(scored, key))),
        mean(scored, STRICT),
        ', '.join(sorted({str(result['scenes']) for result in results})) or ABSENT]


def _by_protocol(row: Row, results: Results) -> list[Mapping[str, Any]]:
    """Return the scores of the runs that were tested as the row was."""
    protocol = row.get('protocol', DEFAULT_PROTOCOL)
    return [result['protocols'][protocol] for result in results
            if protocol in result['protocols']]


def _configuration(row: Row) -> str:
    return ', '.join(
        str(value) if name in ('preset', 'data', 'rule') else f'{name} {value}'
        for name, value in (row['configuration'] or {}).items()) or ABSENT


def _class_table(rows: MeasuredRows) -> str:
    """Return the measured IoU of every class; the paper prints none."""
    tables = {}
    for row, results in rows:
        per_class = [scores['per_class_iou'] for scores in _by_protocol(row, results)]
        if per_class:
            names = tuple(per_class[0])
            tables.setdefault(names, []).append(
                [row['method'], *(mean(per_class, name) for name in names)])
    known = load_label_space('matterport11').names, load_label_space('scannet15').names
    return '\n\n'.join(
        format_table(['row', *names], tables[names]) for names in known if names in tables)


def _run_cells(result: Mapping[str, Any]) -> list[str]:
    return [str(result.get('weights', ABSENT))]


SCANS = Report(
    header=['row', 'configuration', *(text for name in SCORES for text in (name, 'measured')),
            'mIoU strict', 'scenes'],
    cells=_cells, class_table=_class_table, run_header=['weights'], run_cells=_run_cells,
    counts=SegmentationCounts, scores={'mIoU': 'mean_iou'}, frames='scenes')
