"""What the command line says to a person."""

from __future__ import annotations

import sys
from time import monotonic

BAR_WIDTH = 30
LINE_PERIOD_S = 5.0


def say(text: str = '') -> None:
    """Write a line at once."""
    sys.stdout.write(f'{text}\n')
    sys.stdout.flush()


class ProgressBar:
    """
    Counts towards a total: a bar that moves on a terminal, else a line every few seconds.

    Args:
        total: 0 = unknown.
    """

    def __init__(self, label: str, total: int) -> None:
        self._label = label
        self._total = total
        self._is_terminal = sys.stdout.isatty()
        self._started_s = monotonic()
        self._next_line_s = 0.0

    def show(self, done: int, note: str = '') -> None:
        """Draw the state; ``note`` follows the figures."""
        now = monotonic()
        text = self._text(done, now, note)
        if self._is_terminal:
            sys.stdout.write(f'\r\x1b[K{text}')
        elif now >= self._next_line_s:
            sys.stdout.write(f'{text}\n')
            self._next_line_s = now + LINE_PERIOD_S
        sys.stdout.flush()

    def finish(self, done: int, note: str = '') -> None:
        """Draw the last state and end the line."""
        self._next_line_s = 0.0
        self.show(done, note)
        if self._is_terminal:
            sys.stdout.write('\n')
            sys.stdout.flush()

    def _text(self, done: int, now: float, note: str) -> str:
        counts = f'{done}/{self._total}' if self._total else str(done)
        filled = BAR_WIDTH * min(done, self._total) // self._total if self._total else 0
        bar = '#' * filled + '.' * (BAR_WIDTH - filled)
        return f'{self._label} [{bar}] {counts}  {now - self._started_s:.0f} s  {note}'.rstrip()
