"""Curves of a long run, one panel each above the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ssc_ros.viewer.drawing import FAINT_INK, Picture, Sheet

LEFT, WIDTH, PANEL, HEAD = 90, 760, 120, 70


def process_figures(pid: int) -> dict[str, float]:
    """Return memory, threads and open files of a process as Linux tells them."""
    status = dict(line.split(':', 1) for line in
                  Path(f'/proc/{pid}/status').read_text().splitlines())
    return {'memory_mb': int(status['VmRSS'].split()[0]) / 1024,
            'threads': int(status['Threads']),
            'descriptors': len(list(Path(f'/proc/{pid}/fd').iterdir()))}


def panels_picture(
    rows: Sequence[Mapping[str, float]], panels: Mapping[str, str], title: str,
) -> Picture:
    """
    Draw columns of rows over the minutes.

    Args:
        rows: with ``time_s`` and all columns.
        panels: column and what is written above it.
    """
    sheet = Sheet(HEAD + PANEL * len(panels) + 40, LEFT + WIDTH + 40)
    sheet.text(title, 20, 18, size=20, is_bold=True)
    end_s = max(rows[-1]['time_s'], 1.0)
    for index, (column, name) in enumerate(panels.items()):
        top = HEAD + PANEL * index + 22
        _draw_panel(sheet, rows, column, top, end_s)
        sheet.text(name, LEFT, top - 20, size=15)
    bottom = HEAD + PANEL * len(panels)
    for share in range(5):
        left = LEFT + WIDTH * share / 4
        sheet.text(f'{end_s * share / 240:.1f} min', round(left) - 20, bottom + 8, size=14,
                   color=FAINT_INK)
    return sheet.array()


def _draw_panel(
    sheet: Sheet, rows: Sequence[Mapping[str, float]], column: str, top: int, end_s: float,
) -> None:
    """Draw one curve from 0, or of memory from its least, up to its greatest value."""
    values = [row[column] for row in rows]
    low = min(values) * 0.9 if column == 'memory_mb' else 0.0
    high = max(*values, low + 1.0) * 1.05
    height = PANEL - 40
    for level in (low, high):
        y = top + height * (high - level) / (high - low)
        sheet.line([(LEFT, y), (LEFT + WIDTH, y)], color=(226, 230, 236))
        sheet.text(f'{level:.0f}' if high >= 10 else f'{level:.1f}', 30, round(y) - 9, size=14,
                   color=FAINT_INK)
    sheet.line([(LEFT + WIDTH * row['time_s'] / end_s,
                 top + height * (high - row[column]) / (high - low)) for row in rows],
               color=(30, 119, 181), width=2)
