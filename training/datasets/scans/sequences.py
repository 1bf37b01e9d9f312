"""Short RGB-D sequences in the layouts of 7-Scenes, Redwood (Open3D) and TartanAir."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import make_rigid, quaternion_to_rotation

from .files import camera_of, read_depth_png, read_matrix, read_numbers, read_rgb
from .frame import Matrix, Scan, ScanFrame

# Seen by the sensors of the sequences; TartanAir's sky is hundreds of metres away.
MAX_DEPTH_M = 20.0
_TARTANAIR_CAMERA = PinholeCamera(320.0, 320.0, 320.0, 240.0, 480, 640)
# TartanAir: x forward, y right, z down (NED); optical: x right, y down, z forward.
_NED_OPTICAL = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_FLIP_YZ = np.diag([1.0, -1.0, -1.0, 1.0])


class SequenceScan(Scan):
    """
    Frames with registered depth whose files and poses were found by an `open_...` function.

    Args:
        files: per frame id the depth file and the colour file.
        poses: per frame id T_world_camera, z up.
        camera: intrinsics of both images.
    """

    def __init__(
        self, name: str, files: Mapping[str, tuple[Path, Path]], poses: Mapping[str, Matrix],
        camera: PinholeCamera,
    ) -> None:
        self._files, self._poses, self._camera = dict(files), dict(poses), camera
        super().__init__(name, sorted(self._files.keys() & self._poses.keys()))

    def pose(self, frame_id: str) -> Matrix:
        """Return T_world_camera of one frame."""
        if frame_id not in self._poses or frame_id not in self._files:
            raise DataError(f'{self.name} has no frame {frame_id}')
        return self._poses[frame_id]

    def read(self, frame_id: str) -> ScanFrame:
        """Return one frame."""
        pose = self.pose(frame_id)
        depth_file, color_file = self._files[frame_id]
        if depth_file.suffix == '.npy':
            depth_m = np.load(depth_file, allow_pickle=False).astype(np.float32)
            depth_m[~(depth_m < MAX_DEPTH_M)] = 0
        else:
            depth_m = read_depth_png(depth_file)
        return ScanFrame(frame_id, depth_m, read_rgb(color_file), self._camera, self._camera,
                         pose)


def gravity_alignment(gravity: ArrayLike) -> Matrix:
    """
    Return the turn that brings a gravity direction to -z, by the shortest way.

    >>> gravity_alignment([0, 1, 0])[:3, :3].round(6).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]
    """
    down = np.asarray(gravity, np.float64) / np.linalg.norm(gravity)
    axis, cosine = np.cross(down, [0.0, 0.0, -1.0]), -float(down[2])
    if cosine < -1 + 1e-9:
        return _FLIP_YZ
    skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn = np.eye(3) + skew + skew @ skew / (1 + cosine)
    return make_rigid(np.where(np.abs(turn) < 1e-15, 0.0, turn), np.zeros(3))


def open_seven_scenes(folder: Path | str) -> SequenceScan:
    """
    Open `frame-<id>.{color.jpg|color.png,depth.png,pose.txt}` with camera-intrinsics.txt.

    The poses of 7-Scenes begin near the first camera; gravity-direction.txt, where it is there,
    tells which way down is in their frame.
    """
    place = Path(folder)
    poses, files = dict[str, Matrix](), dict[str, tuple[Path, Path]]()
    gravity = place / 'gravity-direction.txt'
    align = gravity_alignment(read_numbers(gravity, 3)) if gravity.is_file() else np.eye(4)
    for path in sorted(place.glob('frame-*.pose.txt')):
        stem = path.name[:-len('.pose.txt')]
        color = next(iter(sorted(place.glob(f'{stem}.color.*'))), place / f'{stem}.color.png')
        number = stem[len('frame-'):]
        poses[number] = align @ read_matrix(path)
        files[number] = (place / f'{stem}.depth.png', color)
    matrix = read_numbers(place / 'camera-intrinsics.txt', 9).reshape(3, 3)
    return SequenceScan(place.name, files, poses, camera_of(matrix, (480, 640)))


def open_redwood(folder: Path | str) -> SequenceScan:
    """Open color/, depth/, trajectory.log and camera_primesense.json as Open3D ships them."""
    place = Path(folder)
    try:
        document = json.loads((place / 'camera_primesense.json').read_text(encoding='utf-8'))
        # Column by column.
        matrix = np.array(document['intrinsic_matrix'], float).reshape(3, 3).T
        camera = camera_of(matrix, (document['height'], document['width']))
        blocks = (place / 'trajectory.log').read_text(encoding='utf-8').split()
        log = np.array(blocks, float).reshape(-1, 19)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f'{place} is not a Redwood sequence ({error}): it needs '
                        'camera_primesense.json and trajectory.log') from error
    # The world of these logs has y up.
    align = gravity_alignment([0, -1, 0])
    poses = {f'{int(row[0]):05d}': align @ row[3:].reshape(4, 4) for row in log}
    files = {number: (place / 'depth' / f'{number}.png', place / 'color' / f'{number}.jpg')
             for number in poses}
    return SequenceScan(place.name, files, poses, camera)


def open_tartanair(folder: Path | str) -> SequenceScan:
    """Open image_left/, depth_left/ and pose_left.txt; depth beyond 20 m counts as missing."""
    place = Path(folder)
    lines = read_numbers_per_line(place / 'pose_left.txt', 7)
    poses, files = dict[str, Matrix](), dict[str, tuple[Path, Path]]()
    for color in sorted((place / 'image_left').glob('*_left.png')):
        number = color.name.split('_')[0]
        x, y, z, *quaternion = lines[int(number)]
        T_ned_optical = make_rigid(quaternion_to_rotation(*quaternion) @ _NED_OPTICAL, [x, y, z])
        poses[number] = _FLIP_YZ @ T_ned_optical
        files[number] = (place / 'depth_left' / f'{number}_left_depth.npy', color)
    return SequenceScan(place.name, files, poses, _TARTANAIR_CAMERA)


def read_numbers_per_line(path: Path, count: int) -> Matrix:
    """Read a text table with so many numbers in every line."""
    try:
        table = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read as numbers ({error}): copy it again') from error
    if table.shape[1] != count:
        raise DataError(f'{path} has {table.shape[1]} numbers per line, expected {count}')
    return table


SEQUENCES: dict[str, Callable[[Path | str], SequenceScan]] = {
    'seven_scenes': open_seven_scenes, 'redwood': open_redwood, 'tartanair': open_tartanair}
