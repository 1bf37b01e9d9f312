"""Lists of frames: one id per line, best first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# Fills the lines of a list that has fewer frames than asked for.
EMPTY_SLOT = '-1'


def read_frame_list(path: Path | str) -> tuple[str, ...]:
    """Return the ids that a list names, without its empty slots."""
    lines = (line.strip() for line in Path(path).read_text(encoding='utf-8').splitlines())
    return tuple(line for line in lines if line and line != EMPTY_SLOT)


def write_frame_list(path: Path | str, frame_ids: Sequence[str], slots: int = 0) -> None:
    """Write ids, filled up with -1 to a number of lines."""
    lines = [*frame_ids, *[EMPTY_SLOT] * (slots - len(frame_ids))]
    Path(path).write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')
