"""All or nothing: what fails half-way leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def undone_on_failure(undo: Callable[[], object]) -> Iterator[None]:
    """Call ``undo`` when the block raises, and pass the exception on."""
    try:
        yield
    except BaseException:
        undo()
        raise
