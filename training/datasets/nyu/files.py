"""Read single files of a package, or say which one is broken and what to do."""

from __future__ import annotations

import io
import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from ssc_ros.errors import DataError

# All that NumPy and zipfile were seen to raise on files with flipped bytes.
DAMAGE = (
    OSError, ValueError, EOFError, SyntaxError, MemoryError, OverflowError, TypeError,
    RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError)
_PNG_START, _PNG_END, _JPEG_END = b'\x89PNG', b'IEND', b'\xff\xd9'


def read_npz(path: Path, keys: Sequence[str]) -> dict[str, NDArray[Any]]:
    """
    Read arrays of an .npz file; nothing in it is ever unpickled.

    Raises:
        DataError: the file is missing or damaged, or lacks a key.
    """
    if not path.is_file():
        raise DataError(f'{path} is missing: copy it from the package or run the converter')
    try:
        # From memory, because NumPy leaves the file of a damaged archive open.
        data = io.BytesIO(path.read_bytes())
        with np.load(data, allow_pickle=False) as archive:
            absent = sorted(set(keys) - set(archive.files))
            if absent:
                raise DataError(f'{path} has the keys {sorted(archive.files)} but not {absent}: '
                                'it belongs to another package')
            return {key: archive[key] for key in keys}
    except DAMAGE as error:
        raise DataError(f'{path} is damaged ({error}): copy it again') from error


def read_image(path: Path, size: tuple[int, int] | None, dtype: DTypeLike) -> NDArray[Any]:
    """
    Read a one-channel image as it is stored; without a size, one of any size.

    Raises:
        DataError: the file is missing or damaged, or of another size or type.
    """
    image = _decoded(path, cv2.IMREAD_UNCHANGED)
    return _checked(image, path, size or image.shape[:2], dtype)


def read_rgb(path: Path, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """
    Read a colour image as (H, W, 3) RGB; without a size, one of any size.

    Raises:
        DataError: the file is missing or damaged, or of another size.
    """
    bgr = _decoded(path, cv2.IMREAD_COLOR)
    rgb: NDArray[Any] = cv2.cvtColor(
        _checked(bgr, path, (*(size or bgr.shape[:2]), 3), np.uint8), cv2.COLOR_BGR2RGB)
    return rgb


def open_hdf5(path: Path, remedy: str) -> Any:
    """
    Open an HDF5 file, as MATLAB 7.3 writes, for reading.

    Args:
        remedy: what to do when it cannot be read, e.g. `copy it again`.

    Raises:
        DataError: h5py is not installed, or the file is missing or damaged.
    """
    try:
        import h5py
    except ImportError as error:
        raise DataError('MATLAB 7.3 files are read with h5py: pip install h5py') from error
    try:
        return h5py.File(path, 'r')
    except OSError as error:
        raise DataError(f'{path} cannot be read ({error}): {remedy}') from error


def _decoded(path: Path, flags: int) -> NDArray[Any]:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        image = cv2.imdecode(data, flags) if len(data) else None
    except (OSError, cv2.error) as error:
        raise DataError(f'{path} cannot be read ({error}): copy it from the package') from error
    if image is None or not _is_complete(data.tobytes()):
        raise DataError(f'{path} is damaged: no whole image can be decoded from it; copy it again')
    return image


def _is_complete(data: bytes) -> bool:
    """Tell whether the end mark of a PNG or JPEG is there: decoders fill up what is cut off."""
    return _PNG_END in data[-64:] if data.startswith(_PNG_START) else _JPEG_END in data[-4096:]


def _checked(
    image: NDArray[Any], path: Path, shape: tuple[int, ...], dtype: DTypeLike,
) -> NDArray[Any]:
    if image.shape != shape or image.dtype != dtype:
        raise DataError(f'{path} is {image.dtype} {image.shape}, expected {np.dtype(dtype)} '
                        f'{shape}: it belongs to another data set')
    return image
