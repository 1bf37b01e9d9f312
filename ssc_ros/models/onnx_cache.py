"""Keep exported networks on the disk, each with its checksum."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ssc_ros.errors import ConfigurationError
from ssc_ros.paths import confined_path, replacing


def default_cache_folder() -> Path:
    """Return the user's cache folder for exported networks."""
    return Path(os.environ.get('XDG_CACHE_HOME') or '~/.cache').expanduser() / 'ssc_ros' / 'onnx'


@dataclass(frozen=True, slots=True)
class OnnxCache:
    """
    Exported networks by key, a hexadecimal checksum of all that they were made of.

    A file beside each, in the format of sha256sum, tells whether it is whole.
    """

    folder: Path

    def find(self, key: str) -> Path | None:
        """Return the file of a key; None where there is none, or a damaged one."""
        path = self._path(key)
        with suppress(OSError, UnicodeDecodeError):
            if _checksum_path(path).read_text(encoding='utf-8') == _checksum_line(path):
                return path
        return None

    def write(self, key: str, content: bytes) -> Path:
        """
        Store a network, which is found once it is approved.

        Raises:
            ConfigurationError: the folder cannot be written.
        """
        path = self._path(key)
        try:
            _checksum_path(path).unlink(missing_ok=True)
            with replacing(path) as partial:
                partial.write_bytes(content)
        except OSError as error:
            raise self._refusal(error) from error
        return path

    def approve(self, key: str) -> None:
        """
        Let what was written be found from now on.

        Raises:
            ConfigurationError: the folder cannot be written.
        """
        path = self._path(key)
        try:
            with replacing(_checksum_path(path)) as partial:
                partial.write_text(_checksum_line(path), encoding='utf-8')
        except OSError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(
            f'the exported network cannot be kept in {self.folder} ({error}): make room there, or '
            'set XDG_CACHE_HOME to a folder that can be written')

    def _path(self, key: str) -> Path:
        return confined_path(self.folder, f'{key}.onnx')


def _checksum_path(path: Path) -> Path:
    return path.with_suffix('.sha256')


def _checksum_line(path: Path) -> str:
    return f'{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n'
