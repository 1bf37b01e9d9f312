"""Print published figures beside those measured in the runs' folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from ssc_ros.metrics import format_table
from ssc_ros.models.occdepth.presets import load_preset

TABLES_FOLDER = Path(__file__).parents[1] / 'tables'
HEADER = ['row', 'configuration', 'IoU', 'measured', 'mIoU', 'measured', 'frames']
ABSENT = '-'


def read_tables(paper: str) -> list[dict[str, Any]]:
    """Return the tables of a paper: id, title and rows."""
    tables: list[dict[str, Any]] = yaml.safe_load(
        (TABLES_FOLDER / f'{paper}.yaml').read_text(encoding='utf-8'))
    return tables


def measured_rows(runs: Path) -> dict[str, dict[str, Any]]:
    """Return the test scores of all runs under a folder, by the row they reproduce."""
    results = [json.loads(path.read_text(encoding='utf-8')) for path in runs.glob('*/test.json')]
    return {result['reproduces']: result for result in results if result['reproduces']}


def print_tables(paper: str, runs: Path) -> None:
    """Print every table of a paper."""
    measured = measured_rows(runs)
    for table in read_tables(paper):
        rows = [_cells(row, measured.get(row['id'])) for row in table['rows']]
        print(f'{table["title"]}\n\n{format_table(HEADER, rows)}\n')


def _cells(row: dict[str, Any], measured: dict[str, Any] | None) -> list[str]:
    configuration = load_preset(row['configuration']).name if row['configuration'] else ABSENT
    result = measured or {}
    return [
        row['method'], configuration, _number(row['iou']), _percent(result.get('sc_iou')),
        _number(row['miou']), _percent(result.get('ssc_miou')),
        str(result.get('frames', ABSENT))]


def _number(value: float | None) -> str:
    return ABSENT if value is None else f'{value:.2f}'


def _percent(share: float | None) -> str:
    return ABSENT if share is None else f'{100 * share:.2f}'
