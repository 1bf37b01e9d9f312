"""Small files that several scan layouts share: matrices, depth images, colour images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import make_rigid
from training.datasets.nyu.files import read_image, read_rgb

from .frame import Matrix

JPEG_QUALITY = 95
MILLIMETRES = 1000.0


def read_numbers(path: Path, count: int) -> NDArray[np.float64]:
    """
    Read a text file of so many numbers, `inf` and `nan` included.

    Raises:
        DataError: the file is missing, or holds something else.
    """
    try:
        numbers = np.array(path.read_text(encoding='utf-8').split(), np.float64)
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read as numbers ({error}): copy it again') from error
    if len(numbers) != count:
        raise DataError(f'{path} holds {len(numbers)} numbers, expected {count}: '
                        'it belongs to another data set or is cut off')
    return numbers


def read_matrix(path: Path) -> Matrix:
    """Read a 4x4 matrix in text form, row by row."""
    return read_numbers(path, 16).reshape(4, 4)


def write_matrix(path: Path, matrix: NDArray[np.floating]) -> None:
    """Write a matrix in text form that reads back to the same numbers."""
    rows = (' '.join(repr(float(value)) for value in row) for row in matrix)
    path.write_text('\n'.join(rows) + '\n', encoding='utf-8')


def camera_of(matrix: NDArray[np.floating], size: tuple[int, int]) -> PinholeCamera:
    """Return the camera of a 3x3 or 4x4 intrinsic matrix and an image (height, width)."""
    return PinholeCamera(float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]),
                         float(matrix[1, 2]), *size)


def intrinsic_matrix(camera: PinholeCamera) -> Matrix:
    """Return the 4x4 form in which RGB-D data sets store intrinsics."""
    return make_rigid(camera.matrix, np.zeros(3))


def read_depth_png(path: Path, units_per_m: float = MILLIMETRES) -> NDArray[np.float32]:
    """Read a 16-bit depth PNG as metres, 0 = missing."""
    raw = read_image(path, None, np.uint16)
    return (raw / units_per_m).astype(np.float32)


def write_depth_png(
    path: Path, depth_m: NDArray[np.float32], units_per_m: float = MILLIMETRES,
) -> None:
    """Write metres as a 16-bit PNG; what does not fit becomes missing."""
    write_png(path, to_depth_units(depth_m, units_per_m))


def to_depth_units(depth_m: NDArray[np.float32], units_per_m: float) -> NDArray[np.uint16]:
    """Return metres as the whole units that a depth image stores, 0 = missing."""
    units = np.rint(np.asarray(depth_m, np.float64) * units_per_m)
    return np.where((units > 0) & (units < 2**16), units, 0).astype(np.uint16)


def write_png(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write an image without loss; colour is RGB."""
    _write(path, '.png', cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image)


def jpeg_bytes(rgb: NDArray[np.uint8]) -> bytes:
    """Return an RGB image as the bytes of a JPEG file."""
    _, data = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
                           [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()


def write_jpeg(path: Path, rgb: NDArray[np.uint8]) -> None:
    """Write an RGB image as JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg_bytes(rgb))


def _write(path: Path, extension: str, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(extension, image)
    path.write_bytes(data.tobytes())


def numbered(folder: Path, suffix: str) -> dict[str, Path]:
    """Return the files `<number><suffix>` of a folder by number, ascending; none if absent."""
    found = {path.name[:-len(suffix)]: path for path in folder.glob(f'*{suffix}')
             if path.name[:-len(suffix)].isdigit()}
    return dict(sorted(found.items(), key=lambda item: int(item[0])))


__all__ = [
    'camera_of', 'intrinsic_matrix', 'jpeg_bytes', 'numbered', 'read_depth_png', 'read_image',
    'read_matrix', 'read_numbers', 'read_rgb', 'to_depth_units', 'write_depth_png', 'write_jpeg',
    'write_matrix', 'write_png']
