"""Print published figures beside those measured in the runs' folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ssc_ros.labels import load_label_space
from ssc_ros.metrics import Interval, format_table, mean_and_spread
from ssc_ros.models.occdepth.presets import load_preset
from training.tables.measured import measured_rows, read_counts

TABLES_FOLDER = Path(__file__).parents[1] / 'tables'
EXPERIMENTS_FOLDER = Path(__file__).parents[1] / 'experiments'
HEADER = ['row', 'configuration', 'IoU', 'measured', 'mIoU', 'measured', 'frames']
RUN_HEADER = ['run', 'row', 'seed', 'SC IoU 95 %', 'SSC mIoU 95 %', 'missing', 'commit', 'date',
              'machine']
ABSENT = '-'
IMAGE_PAPERS = ('gad',)  # whose scores are those of label images

Row = Mapping[str, Any]
Results = Sequence[Mapping[str, Any]]


def papers() -> tuple[str, ...]:
    """Return the papers whose tables are known."""
    return tuple(sorted(path.stem for path in TABLES_FOLDER.glob('*.yaml')))


def read_tables(paper: str) -> list[dict[str, Any]]:
    """Return the tables of a paper: id, title and rows."""
    tables: list[dict[str, Any]] = yaml.safe_load(
        (TABLES_FOLDER / f'{paper}.yaml').read_text(encoding='utf-8'))
    return tables


def print_tables(paper: str, runs: Path, *, classes: bool = False) -> None:
    """
    Print every table of a paper, the runs that were measured, and the rows that were not.

    Args:
        runs: folder of the runs; several runs of a row are averaged.
        classes: print precision, recall and the IoU of every class, too.
    """
    if paper in IMAGE_PAPERS:
        from training.cli.segmentation_tables import print_segmentation_tables
        print_segmentation_tables(paper, runs, classes=classes)
        return
    measured = measured_rows(runs)
    tables = read_tables(paper)
    for table in tables:
        rows = [(row, _results(row, measured)) for row in table['rows']]
        print(f'{table["title"]}\n\n{format_table(HEADER, [_cells(*pair) for pair in rows])}\n')
        if classes and any('class_iou' in row for row, _ in rows):
            print(_class_table(rows))
        notes = [f'{row["method"]}: {row["note"]}' for row, _ in rows if 'note' in row]
        notes += _gains(rows)
        if notes:
            print('\n'.join(notes), end='\n\n')
    _print_runs([row for table in tables for row in table['rows']], measured)


def _print_runs(rows: Sequence[Row], measured: Mapping[str, Results]) -> None:
    known = [(row['id'], result) for row in rows for result in measured.get(row['id'], ())]
    if known:
        print(f'Measured\n\n{format_table(RUN_HEADER, [_run_cells(*pair) for pair in known])}\n')
    missing = [row['id'] for row in rows
               if row['configuration'] and 'same_as' not in row and row['id'] not in measured]
    print(f'Not run: {len(missing)} rows' + ''.join(
        f'\n  {ident}{by_experiment(ident)}' for ident in missing))


def by_experiment(ident: str) -> str:
    """Name the experiment files that would reproduce a row."""
    names = experiments_by_row().get(ident)
    return f' ({", ".join(names)})' if names else ''


def _run_cells(ident: str, result: Mapping[str, Any]) -> list[str]:
    intervals = result.get('intervals', {})
    missing = result.get('missing', [])
    return [
        result.get('experiment') or ABSENT, ident, _text(result.get('seed')),
        _interval(intervals.get('sc_iou')), _interval(intervals.get('ssc_miou')),
        str(len(missing)), *(result.get(key, ABSENT) for key in ('commit', 'date', 'machine'))]


@lru_cache(maxsize=1)
def experiments_by_row() -> dict[str, list[str]]:
    """Return the experiment files that reproduce each row."""
    found: dict[str, list[str]] = {}
    for path in sorted(EXPERIMENTS_FOLDER.glob('*/*.yaml')):
        row = (yaml.safe_load(path.read_text(encoding='utf-8')) or {}).get('reproduces')
        if row:
            found.setdefault(row, []).append(f'{path.parent.name}/{path.name}')
    return found


def _results(row: Row, measured: Mapping[str, Results]) -> Results:
    return measured.get(row.get('same_as', row['id']), ())


def _cells(row: Row, results: Results) -> list[str]:
    return [
        row['method'], _configuration(row), _number(row['iou']), _mean(results, 'sc_iou'),
        _number(row['miou']), _mean(results, 'ssc_miou'), _frames(results)]


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


def _class_table(rows: Sequence[tuple[Row, Results]]) -> str:
    names = load_label_space('nyu12').names[1:]
    cells = []
    for row, results in rows:
        figures = [row.get(key) for key in ('precision', 'recall', 'iou', 'miou')]
        cells.append([row['method'], 'published', *map(_number, figures),
                      *map(_number, row.get('class_iou', [None] * len(names)))])
        if results:
            keys = ('sc_precision', 'sc_recall', 'sc_iou', 'ssc_miou')
            per_class = [result['per_class_iou'] for result in results]
            cells.append([
                row['method'], 'measured', *(_mean(results, key) for key in keys),
                *(_mean(per_class, name) for name in names)])
    return format_table(['row', '', 'P', 'R', 'IoU', 'mIoU', *names], cells) + '\n'


def _gains(rows: Sequence[tuple[Row, Results]]) -> list[str]:
    """Say how the first runs of rows differ from that of the first row that was measured."""
    counted = [(row['method'], counts) for row, results in rows
               if results and (counts := read_counts(results[0])) is not None]
    lines = []
    for method, counts in counted[1:]:
        reference, others = counted[0]
        if counts.frame_ids == others.frame_ids:
            gains = counts.gains(others)
            lines.append(f'{method}, over {reference}, same frames: '
                         f'SC IoU {_gain(gains["sc_iou"])}, SSC mIoU {_gain(gains["ssc_miou"])}')
    return lines


def _gain(gain: Interval) -> str:
    return f'{100 * gain.score:+.2f} ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})'


def _frames(results: Results) -> str:
    """Return how many frames were scored, and of how many where some are missing."""
    scored = {(result.get('frames', 0), len(result.get('missing', ()))) for result in results}
    return ', '.join(
        f'{frames} of {frames + missing}' if missing else str(frames)
        for frames, missing in sorted(scored)) or ABSENT


def _mean(results: Results, key: str) -> str:
    return mean_and_spread([result[key] for result in results]).percent() if results else ABSENT


def _interval(ends: Sequence[float] | None) -> str:
    return ABSENT if ends is None else f'{100 * ends[0]:.2f} to {100 * ends[1]:.2f}'


def _number(value: float | None) -> str:
    return ABSENT if value is None else f'{value:.2f}'


def _text(value: object) -> str:
    return ABSENT if value is None else str(value)
