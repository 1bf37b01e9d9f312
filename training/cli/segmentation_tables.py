"""Print published figures of label images beside those measured, counted in both ways."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from ssc_ros.metrics import Interval, SegmentationCounts, format_table, mean_and_spread
from training.cli.tables import ABSENT, by_experiment, read_tables
from training.tables.measured import COUNTS_SUFFIX, measured_rows

SCORES = {'PixAcc': 'pixel_accuracy', 'mAcc': 'mean_accuracy', 'mIoU': 'mean_iou'}
HEADER = [
    'row', 'configuration', *(f'{name} publ.' for name in SCORES), *SCORES,
    *(f'{name} release' for name in list(SCORES)[1:]), 'depth RMSE', 'images']
RUN_HEADER = ['run', 'row', 'seed', 'began with', *(f'{name} 95 %' for name in SCORES), 'commit',
              'date', 'machine']

Row = Mapping[str, Any]
Results = Sequence[Mapping[str, Any]]


def print_segmentation_tables(paper: str, runs: Path, *, classes: bool = False) -> None:
    """
    Print every table of a paper, the runs that were measured, and the rows that were not.

    Measured figures are standard ones and, where it says so, counted as the release does: only
    those compare with the published mAcc and mIoU.

    Args:
        runs: folder of the runs; several runs of a row are averaged.
        classes: print the IoU of every class, too.
    """
    measured = measured_rows(runs)
    tables = read_tables(paper)
    for table in tables:
        rows = [(row, measured.get(row.get('same_as', row['id']), ())) for row in table['rows']]
        print(f'{table["title"]}\n\n{format_table(HEADER, [_cells(*pair) for pair in rows])}\n')
        if classes and (cells := _class_cells(rows)):
            names = load_label_space('nyu40').names
            print(format_table(['row', '', *names], cells) + '\n')
        notes = [f'{row["method"]}: {row["note"]}' for row, _ in rows if 'note' in row]
        notes += _gains(rows)
        if notes:
            print('\n'.join(notes), end='\n\n')
    _print_runs([row for table in tables for row in table['rows']], measured)


def _cells(row: Row, results: Results) -> list[str]:
    release = [result['release'] for result in results]
    return [
        row['method'], _configuration(row), *(_number(row[key]) for key in SCORES.values()),
        *(_mean(results, key) for key in SCORES.values()),
        *(_mean(release, key) for key in list(SCORES.values())[1:]), _depth(results),
        ', '.join(sorted({str(result['images']) for result in results})) or ABSENT]


def _configuration(row: Row) -> str:
    return ', '.join(
        value if name == 'preset' else f'{name} {value}'
        for name, value in (row['configuration'] or {}).items()) or ABSENT


def _depth(results: Results) -> str:
    errors = [result['depth_rmse_m'] for result in results if 'depth_rmse_m' in result]
    return f'{mean_and_spread(errors).mean:.3f} m' if errors else ABSENT


def _class_cells(rows: Sequence[tuple[Row, Results]]) -> list[list[str]]:
    """Return the published and measured IoU of the 40 classes of NYUv2, where there are any."""
    names = load_label_space('nyu40').names
    cells = []
    for row, results in rows:
        if 'class_iou' in row:
            cells.append([row['method'], 'published', *map(_number, row['class_iou'])])
        for kind, tables in (('measured', results), ('release', [
                result['release'] for result in results])):
            per_class = [table['per_class_iou'] for table in tables]
            if per_class and per_class[0].keys() == set(names):
                cells.append([row['method'], kind, *(_mean(per_class, name) for name in names)])
    return cells


def _gains(rows: Sequence[tuple[Row, Results]]) -> list[str]:
    """Say how the first runs of rows differ from that of the first row that was measured."""
    counted = [(row['method'], counts) for row, results in rows
               if results and (counts := _read_counts(results[0])) is not None]
    lines = []
    for method, counts in counted[1:]:
        reference, others = counted[0]
        if counts.frame_ids == others.frame_ids and counts.num_classes == others.num_classes:
            gains = counts.gains(others)
            shown = ', '.join(f'{name} {_gain(gains[key])}' for name, key in SCORES.items())
            lines.append(f'{method}, over {reference}, same images: {shown}')
    return lines


def _read_counts(result: Mapping[str, Any]) -> SegmentationCounts | None:
    path = Path(result['folder']) / f'{result["split"]}{COUNTS_SUFFIX}'
    if not path.is_file():
        return None
    try:
        with path.open('rb') as file, np.load(file, allow_pickle=False) as arrays:
            return SegmentationCounts.from_arrays(arrays)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f'{path} is damaged ({error!r}): score the run again') from error


def _print_runs(rows: Sequence[Row], measured: Mapping[str, Results]) -> None:
    known = [(row['id'], result) for row in rows for result in measured.get(row['id'], ())]
    if known:
        print(f'Measured\n\n{format_table(RUN_HEADER, [_run_cells(*pair) for pair in known])}\n')
    missing = [row['id'] for row in rows
               if row['configuration'] and 'same_as' not in row and row['id'] not in measured]
    print(f'Not run: {len(missing)} rows' + ''.join(
        f'\n  {ident}{by_experiment(ident)}' for ident in missing))


def _run_cells(ident: str, result: Mapping[str, Any]) -> list[str]:
    intervals = result.get('intervals', {})
    return [
        result['experiment'], ident, str(result['seed']), str(result['started_from']),
        *(_interval(intervals.get(key)) for key in SCORES.values()),
        *(str(result.get(key, ABSENT)) for key in ('commit', 'date', 'machine'))]


def _interval(ends: Sequence[float] | None) -> str:
    return ABSENT if ends is None else f'{100 * ends[0]:.2f} to {100 * ends[1]:.2f}'


def _gain(gain: Interval) -> str:
    return f'{100 * gain.score:+.2f} ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})'


def _mean(results: Results, key: str) -> str:
    values = [result[key] for result in results if result[key] is not None]
    return mean_and_spread(values).percent() if values else ABSENT


def _number(value: float | None) -> str:
    return ABSENT if value is None else f'{value:.2f}'
