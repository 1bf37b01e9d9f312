"""Keep files inside one folder, and old files whole until the new ones are."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ssc_ros.errors import ConfigurationError


def confined_path(directory: str | Path, name: str) -> Path:
    """
    Return the absolute path of ``name`` inside ``directory``, symbolic links resolved.

    For names that come from outside: services, and parameters that are set while a node runs.
    Neither the folder nor the file needs to exist.

    Args:
        directory: the folder that must not be left; empty = the working directory.
        name: relative path of a file or folder in it.

    Raises:
        ConfigurationError: the name is empty, absolute, climbs with ``..``, or is led out of the
            folder by a symbolic link.
    """
    base = Path(directory).expanduser().resolve()
    if not name or '\0' in name or name.startswith('~'):
        raise ConfigurationError(
            f'file name {name!r} cannot be used: give a name relative to {base}')
    relative = Path(name)
    if relative.is_absolute() or '..' in relative.parts:
        raise ConfigurationError(
            f'file name {name!r} leaves {base}: give a name relative to it without "..", or '
            'start the node with another files_directory')
    try:
        path = (base / relative).resolve()
    except RuntimeError:  # links in a circle; since Python 3.13 they come back as they are
        path = base / relative
    is_circle = any(step.is_symlink() for step in (path, *path.parents))
    if is_circle or base not in path.parents:
        raise ConfigurationError(
            f'file name {name!r} leads to {path}, which is not inside {base}: give a name of a '
            'file in it')
    return path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """
    Give a temporary path next to ``path`` that takes its place when the block ends well.

    Missing folders are made. When the block or the disk fails, the temporary file is removed and
    an older file at ``path`` stays as it was.

    Raises:
        OSError: the file cannot be written, e.g. because the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        prefix=f'.{path.stem}.', suffix=path.suffix, dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        partial.chmod(0o644)
        _flush(partial)
        partial.replace(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def _flush(path: Path) -> None:
    """Write everything to the disk: some file systems find out only then that it is full."""
    with path.open('rb') as file:
        os.fsync(file.fileno())
