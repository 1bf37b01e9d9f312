"""Print the tables of a paper beside what was measured, whatever kind of scores they hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssc_ros.metrics import Interval, format_table, mean_and_spread
from training.tables.measured import FrameCounts, measured_rows, read_counts
from training.tables.published import Row, by_experiment, read_tables

ABSENT = '-'

Results = Sequence[Mapping[str, Any]]
MeasuredRows = Sequence[tuple[Row, Results]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    What the tables of one kind of scores show.

    Attributes:
        header, cells: columns of the tables, and those of a row with the runs that measured it.
        class_table: figures of every class, empty where there are none.
        run_header, run_cells: what is said of a run between its seed and its commit.
        counts: what runs keep of every frame.
        scores: keys of the scores that rows are compared by, below their printed names.
        frames: what is scored one by one, as in `same frames`.
    """

    header: Sequence[str]
    cells: Callable[[Row, Results], list[str]]
    class_table: Callable[[MeasuredRows], str]
    run_header: Sequence[str]
    run_cells: Callable[[Mapping[str, Any]], list[str]]
    counts: type[FrameCounts]
    scores: Mapping[str, str]
    frames: str = 'frames'


def print_report(report: Report, paper: str, runs: Path, *, classes: bool = False) -> None:
    """
    Print every table of a paper, the runs that were measured, and the rows that were not.

    Args:
        runs: folder of the runs; several runs of a row are averaged.
        classes: print figures of every class, too.
    """
    measured = measured_rows(runs)
    tables = read_tables(paper)
    for table in tables:
        rows = [(row, measured.get(row.get('same_as', row['id']), ())) for row in table['rows']]
        cells = [report.cells(*pair) for pair in rows]
        print(f'{table["title"]}\n\n{format_table(report.header, cells)}\n')
        if classes and (figures := report.class_table(rows)):
            print(f'{figures}\n')
        notes = [f'{row["method"]}: {row["note"]}' for row, _ in rows if 'note' in row]
        notes += _gains(report, rows)
        if notes:
            print('\n'.join(notes), end='\n\n')
    _print_runs(report, [row for table in tables for row in table['rows']], measured)


def _gains(report: Report, rows: MeasuredRows) -> list[str]:
    """Say how the first runs of rows differ from that of the first row that was measured."""
    counted = [(row['method'], counts) for row, results in rows
               if results and (counts := read_counts(results[0], report.counts)) is not None]
    lines = []
    for method, counts in counted[1:]:
        reference, others = counted[0]
        if counts.frame_ids == others.frame_ids and counts.num_classes == others.num_classes:
            gains = counts.gains(others)
            shown = ', '.join(f'{name} {gain(gains[key])}' for name, key in report.scores.items())
            lines.append(f'{method}, over {reference}, same {report.frames}: {shown}')
    return lines


def _print_runs(report: Report, rows: Sequence[Row], measured: Mapping[str, Results]) -> None:
    known = [_run_cells(report, row['id'], result)
             for row in rows for result in measured.get(row['id'], ())]
    if known:
        header = ['run', 'row', 'seed', *report.run_header, 'commit', 'date', 'machine']
        print(f'Measured\n\n{format_table(header, known)}\n')
    missing = [row['id'] for row in rows
               if row['configuration'] and 'same_as' not in row and row['id'] not in measured]
    print(f'Not run: {len(missing)} rows' + ''.join(
        f'\n  {ident}{by_experiment(ident)}' for ident in missing))


def _run_cells(report: Report, ident: str, result: Mapping[str, Any]) -> list[str]:
    seed = result.get('seed')
    return [
        result.get('experiment') or ABSENT, ident, ABSENT if seed is None else str(seed),
        *report.run_cells(result),
        *(str(result.get(key, ABSENT)) for key in ('commit', 'date', 'machine'))]


def number(value: float | None) -> str:
    """Return a published figure."""
    return ABSENT if value is None else f'{value:.2f}'


def mean(results: Results, key: str) -> str:
    """Return the mean of a score over the runs that have it, in percent, with its spread."""
    values = [result[key] for result in results if result[key] is not None]
    return mean_and_spread(values).percent() if values else ABSENT


def intervals(result: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """Return the confidence intervals of some scores of a run, in percent."""
    known = result.get('intervals', {})
    return [_interval(known.get(key)) for key in keys]


def _interval(ends: Sequence[float] | None) -> str:
    return ABSENT if ends is None else f'{100 * ends[0]:.2f} to {100 * ends[1]:.2f}'


def gain(interval: Interval) -> str:
    """Return by how much a score is higher, with its interval, in percentage points."""
    low, high = 100 * interval.low, 100 * interval.high
    return f'{100 * interval.score:+.2f} ({low:+.2f} to {high:+.2f})'
