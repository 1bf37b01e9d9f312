"""A five-frame data set of made-up geometry with known counts, for tests and trials."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .conventions import CAMERAS, FINE_SHAPE, IMAGE_SIZE
from .convert import ConversionOptions, convert_frame
from .poses import write_poses
from .raw import RawVolume, write_depth, write_volume
from .writer import write_frame, write_split

SPLITS = {'train': (3, 4, 5), 'test': (1, 2)}
# Depths lie in the middle of cells, so that no rounding decides where a point falls.
_NEAR_M, _STEP_M = 2.01, 0.5
_BLOCK_HEIGHT, _BLOCK_WIDTH = 60, 80
_FIRST_COLUMN = 20


def fixture_depth() -> NDArray[np.float32]:
    """Return a chessboard of two depths in metres, missing at the left edge."""
    rows, columns = _block_indices()
    depth_m = (_NEAR_M + _STEP_M * ((rows + columns) % 2)).astype(np.float32)
    depth_m[:, :_FIRST_COLUMN] = 0
    return depth_m


def fixture_volume() -> RawVolume:
    """Return a room of floor, wall, a table, unknown space and a small object, level camera."""
    labels = np.zeros(FINE_SHAPE, np.uint8)
    labels[:, :3] = 2
    labels[:, :, 50:54] = 3
    labels[100:140, :40, 20:45] = 9
    edge = labels[:12]
    edge[edge == 0] = 255
    labels[200:203, 60:63, 20:24] = 36
    pose = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 1.2], [0, 0, 0, 1]], np.float64)
    return RawVolume(labels, (-2.4, 1.0, -0.05), pose)


def write_raw_fixture(root: Path) -> None:
    """Write the raw release below `root`: depth, voxel files, colour images."""
    depth_m, volume = fixture_depth(), fixture_volume()
    for split, ids in SPLITS.items():
        for frame_id in ids:
            stem = root / 'depthbin' / f'NYU{split}' / f'NYU{frame_id:04d}_0000'
            write_depth(stem.with_suffix('.png'), depth_m)
            write_volume(stem.with_suffix('.bin'), volume)
            _write_images(root, frame_id, label_maps=False)


def write_fixture(root: Path) -> None:
    """Write the converted package below `root`, with label maps and camera poses."""
    options = ConversionOptions()
    converted = convert_frame(fixture_depth(), fixture_volume(), options)
    for split, ids in SPLITS.items():
        for frame_id in ids:
            write_frame(root, frame_id, converted, with_sketch=True)
            _write_images(root, frame_id, label_maps=True)
        write_split(root, split, ids)
    write_poses(root, dict.fromkeys(sum(SPLITS.values(), ()), converted.placement),
                CAMERAS[options.camera])


def _write_images(root: Path, frame_id: int, *, label_maps: bool) -> None:
    """Write images of one colour and label per block, different in every frame."""
    rows, columns = _block_indices()
    rgb = np.stack([
        (31 * rows + 11 * frame_id) % 256, (29 * columns + 17 * frame_id) % 256,
        (13 * (rows + columns)) % 256], axis=-1).astype(np.uint8)
    images = {f'RGB/NYU{frame_id:04d}_colors.png': cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)}
    if label_maps:
        name = f'{frame_id:04d}.png'
        images[f'seg_result_label13/{name}'] = ((rows + columns + frame_id) % 14).astype(np.uint8)
        images[f'Label40/{name}'] = ((8 * rows + columns + frame_id) % 41).astype(np.uint8)
    for path, image in images.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / path), image)


def _block_indices() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows, columns = np.indices(IMAGE_SIZE)
    return rows // _BLOCK_HEIGHT, columns // _BLOCK_WIDTH
