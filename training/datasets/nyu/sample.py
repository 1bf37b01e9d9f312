"""One frame of the benchmark, and the rules that every frame obeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.labels import IGNORE_ID, load_label_space

from .conventions import GRID_SHAPE, IMAGE_SIZE, NO_PIXEL, NUM_CLASSES, NUM_VOXELS
from .regions import label_weight


@dataclass(frozen=True, slots=True, eq=False)
class NyuSample:
    """
    A frame of NYUv2 semantic scene completion.

    Attributes:
        frame_id: 1 to 1449.
        rgb: (480, 640, 3) uint8; None where the package has no colour or it was not asked for.
        tsdf: (60, 36, 60) float32 in [-1, 1], positive before the surface; plain unless the
            package was converted to another kind.
        label_weight: (60, 36, 60) bool, the voxels trained and scored on (255 still among them).
        pixel_of_voxel: (129600,) int64 row * 640 + column, 307200 = none.
        labels: (60, 36, 60) uint8, 0 to 11, 255 = unknown.
        label_map13: (480, 640) uint8 predicted 13-class labels, 0 = void.
        label_map40: (480, 640) uint8 annotated NYU-40 labels, 0 = unlabelled.
        placement: box and camera pose, where known.
        camera: intrinsics that tsdf and pixel_of_voxel were made with.
        depth_m: (480, 640) float32 measured depth, 0 = missing; None where the package has none.
    """

    frame_id: int
    rgb: NDArray[np.uint8] | None
    tsdf: NDArray[np.float32]
    label_weight: NDArray[np.bool_]
    pixel_of_voxel: NDArray[np.int64]
    labels: NDArray[np.uint8]
    label_map13: NDArray[np.uint8] | None
    label_map40: NDArray[np.uint8] | None
    placement: BoxPlacement | None
    camera: PinholeCamera
    depth_m: NDArray[np.float32] | None = None

    @property
    def label_map12(self) -> NDArray[np.uint8] | None:
        """(480, 640) annotated classes of the volumes, 1 to 11, 255 = unlabelled."""
        if self.label_map40 is None:
            return None
        return load_label_space('nyu12').remap(self.label_map40, 'nyu40')

    @property
    def predicted_map12(self) -> NDArray[np.uint8] | None:
        """(480, 640) predicted classes of the volumes, 1 to 11, 0 = void."""
        if self.label_map13 is None:
            return None
        return load_label_space('nyu12').remap(self.label_map13, 'nyu13')


def as_volume(array: NDArray[Any], origin: str) -> NDArray[Any]:
    """Give a flat or whole array the shape of the grid, or say which file has another size."""
    if array.size != NUM_VOXELS or array.ndim not in (1, 3) or (
            array.ndim == 3 and array.shape != GRID_SHAPE):
        raise DataError(f'{origin} is {array.shape}, expected ({NUM_VOXELS},) or {GRID_SHAPE}: '
                        'it belongs to another package')
    return array.reshape(GRID_SHAPE)


def check_tsdf(tsdf: NDArray[Any], origin: str) -> NDArray[np.float32]:
    """Return a volume as float32, or raise where values leave [-1, 1]."""
    values = as_volume(tsdf, origin).astype(np.float32)
    if not (np.abs(values) <= 1).all():  # also False for NaN
        raise DataError(f'{origin} holds values outside [-1, 1]: a TSDF is expected; run the '
                        'converter again')
    return values


def check_labels(labels: NDArray[Any], origin: str) -> NDArray[np.uint8]:
    """Return a volume as uint8, or raise where ids are not 0 to 11 or 255."""
    values = as_volume(labels, origin)
    is_foreign = ((values < 0) | (values >= NUM_CLASSES)) & (values != IGNORE_ID)
    if is_foreign.any():
        raise DataError(f'{origin} holds label {values[is_foreign][0]}, expected 0 to '
                        f'{NUM_CLASSES - 1} or {IGNORE_ID}: map and pool raw labels first')
    return values.astype(np.uint8)


def check_mapping(mapping: NDArray[Any], origin: str) -> NDArray[np.int64]:
    """Return (129600,) int64, or raise where pixels lie outside the image or repeat."""
    flat = as_volume(mapping, origin).ravel()
    pixels = flat[flat != NO_PIXEL]
    if len(pixels) and (pixels.min() < 0 or pixels.max() > NO_PIXEL):
        raise DataError(f'{origin} points outside the {IMAGE_SIZE[1]}x{IMAGE_SIZE[0]} image '
                        f'({pixels.min()} to {pixels.max()}): run the converter again')
    if len(np.unique(pixels)) != len(pixels):
        raise DataError(f'{origin} gives one pixel to several voxels: a measured point lies in '
                        'one voxel; run the converter again')
    return flat.astype(np.int64)


def check_weight(
    weight: NDArray[Any], labels: NDArray[np.uint8], tsdf: NDArray[np.float32], origin: str,
) -> NDArray[np.bool_]:
    """Return a bool volume, or raise where it breaks the rule of `label_weight`."""
    values = as_volume(weight, origin)
    wrong = int((values != label_weight(labels, tsdf)).sum())
    if wrong:
        raise DataError(f'{origin} differs in {wrong} voxels from (occupied or TSDF < -0.5): '
                        'TSDF and labels belong to different frames, or it was made by other '
                        'rules; run the converter again')
    return values.astype(np.bool_)


def check_label_map(ids: NDArray[np.uint8], classes: int, origin: str) -> NDArray[np.uint8]:
    """Return a label image, or raise where its ids exceed 0 to `classes`."""
    if ids.max() > classes:
        raise DataError(f'{origin} holds label {ids.max()}, expected 0 to {classes}: it is an '
                        'image of another label set')
    return ids
