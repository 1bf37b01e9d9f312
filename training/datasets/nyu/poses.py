"""Where the box of a frame stands, and the depth that visible voxels imply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.geometry.transforms import inverse_rigid, make_rigid

from .conventions import CAMERAS, GRID_SHAPE, IMAGE_SIZE, NO_PIXEL, VOXEL_SIZE_M
from .files import read_npz

POSE_FILE = 'camera_poses.npz'


@dataclass(frozen=True, slots=True, eq=False)
class CameraPoses:
    """The camera of a package, and the box of every frame whose pose is known."""

    camera: PinholeCamera
    placements: Mapping[int, BoxPlacement]


def read_poses(root: Path) -> CameraPoses:
    """
    Read the poses of a package; without a pose file no frame has one.

    The file holds `R` (N, 3, 3) camera to world, `t` and `origin` (N, 3) in metres, `K` (3, 3),
    and `ids` (N,); without ids its rows are the frames 1 to N.

    Raises:
        DataError: the file is damaged or its arrays do not fit together.
    """
    path = root / POSE_FILE
    if not path.is_file():
        return CameraPoses(CAMERAS['nyu'], {})
    arrays = read_npz(path, ('R', 't', 'origin', 'K'))
    rotation, translation, origin = arrays['R'], arrays['t'], arrays['origin']
    count = len(rotation)
    shapes = (rotation.shape, translation.shape, origin.shape)
    if shapes != ((count, 3, 3), (count, 3), (count, 3)):
        raise DataError(f'{path} holds R {rotation.shape}, t {translation.shape}, origin '
                        f'{origin.shape}; expected (N, 3, 3), (N, 3), (N, 3): copy it again')
    with np.load(path, allow_pickle=False) as archive:
        ids = archive['ids'] if 'ids' in archive.files else np.arange(1, count + 1)
    placements = {
        int(frame_id): _placement(rotation[row], translation[row], origin[row])
        for row, frame_id in enumerate(ids)}
    K = arrays['K']
    camera = PinholeCamera(
        float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2]), *IMAGE_SIZE)
    return CameraPoses(camera, placements)


def write_poses(
    root: Path, placements: Mapping[int, BoxPlacement], camera: PinholeCamera,
) -> None:
    """Write the pose file of a package."""
    ids = sorted(placements)
    poses = [inverse_rigid(placements[frame_id].T_camera_voxel) for frame_id in ids]
    np.savez_compressed(
        root / POSE_FILE, ids=np.array(ids), K=camera.matrix,
        R=np.stack([pose[:3, :3] for pose in poses]), t=np.stack([pose[:3, 3] for pose in poses]),
        origin=np.array([placements[frame_id].grid.origin_m for frame_id in ids]))


def _placement(
    rotation: NDArray[np.float64], translation: NDArray[np.float64], origin: Sequence[float],
) -> BoxPlacement:
    x, y, z = (float(value) for value in origin)
    grid = VoxelGrid((x, y, z), VOXEL_SIZE_M, GRID_SHAPE, 'xzy')
    return BoxPlacement(grid, inverse_rigid(make_rigid(rotation, translation)))


def sparse_depth(
    pixel_of_voxel: NDArray[np.int64], camera: PinholeCamera, placement: BoxPlacement,
) -> NDArray[np.float32]:
    """
    Return (H, W) metres at the pixels that own a voxel, 0 elsewhere.

    The ray of such a pixel crosses its voxel; the middle of the crossing is within half a
    voxel's diagonal of the measurement.
    """
    voxels = np.flatnonzero(pixel_of_voxel != NO_PIXEL)
    return depth_in_voxels(pixel_of_voxel[voxels], voxels, camera, placement)


def depth_in_voxels(
    pixels: NDArray[np.int64], voxels: NDArray[np.int64], camera: PinholeCamera,
    placement: BoxPlacement,
) -> NDArray[np.float32]:
    """
    Return (H, W) metres at (n,) flat pixels whose rays end in (n,) flat voxels, 0 elsewhere.

    The middle of a ray's way through its voxel, 0 where it misses it.
    """
    row, column = np.divmod(pixels, camera.width)
    rays = np.stack([(column - camera.cx) / camera.fx, (row - camera.cy) / camera.fy,
                     np.ones(len(voxels))], axis=1)
    T_voxel_camera = inverse_rigid(placement.T_camera_voxel)
    directions = rays @ T_voxel_camera[:3, :3].T
    grid = placement.grid
    indices = np.stack(np.unravel_index(voxels, grid.shape), axis=1)
    offsets = grid.index_to_point(indices) - T_voxel_camera[:3, 3]
    with np.errstate(divide='ignore', invalid='ignore'):
        middle, half = offsets / directions, np.abs(grid.voxel_size_m / 2 / directions)
    near, far = np.nanmax(middle - half, axis=1), np.nanmin(middle + half, axis=1)
    depth_m = np.zeros(camera.size, np.float32)
    depth_m[row, column] = np.where((far > near) & (near > 0), (near + far) / 2, 0.0)
    return depth_m
