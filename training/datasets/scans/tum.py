"""RGB-D sequences with time-stamped text lists, as the TUM RGB-D benchmark stores them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import make_rigid, quaternion_to_rotation

from .files import read_depth_png, read_rgb
from .frame import Matrix, Scan, ScanFrame

UNITS_PER_M = 5000.0
MAX_DIFFERENCE_S = 0.02
# The benchmark registers depth to colour and recommends these intrinsics at 640x480.
ROS_CAMERA = PinholeCamera(525.0, 525.0, 319.5, 239.5, 480, 640)


class TumScan(Scan):
    """
    A folder with rgb.txt, depth.txt and groundtruth.txt; depth is registered to colour.

    A frame is a depth image with the colour image and the pose nearest in time.

    Args:
        camera: intrinsics of both images, scaled to the size they have.
        T_world_scan: (4, 4) brings the poses into a z-up world.
        max_difference_s: images and poses further apart are not paired.

    Raises:
        DataError: a list is missing or malformed, or nothing in them belongs together.
    """

    def __init__(
        self, folder: Path | str, *, camera: PinholeCamera = ROS_CAMERA,
        T_world_scan: Matrix | None = None, max_difference_s: float = MAX_DIFFERENCE_S,
    ) -> None:
        self._folder, self._camera = Path(folder), camera
        depth_s, self._depths = _file_list(self._folder / 'depth.txt')
        color_s, self._colors = _file_list(self._folder / 'rgb.txt')
        poses = np.array([row.split() for row in _rows(self._folder / 'groundtruth.txt')], float)
        if poses.ndim != 2 or poses.shape[1] != 8:
            raise DataError(f'{self._folder}/groundtruth.txt needs lines of '
                            'time, position and quaternion (8 numbers)')
        align = np.eye(4) if T_world_scan is None else T_world_scan
        color, color_gap = _nearest(color_s, depth_s)
        pose, pose_gap = _nearest(poses[:, 0], depth_s)
        fits = (color_gap <= max_difference_s) & (pose_gap <= max_difference_s)
        chosen = np.flatnonzero(fits)
        if not len(chosen):
            raise DataError(f'{self._folder}: no depth image has colour and pose within '
                            f'{max_difference_s} s: raise max_difference_s or check the clocks')
        self._pairs = [(int(d), int(color[d])) for d in chosen]
        self._poses = [align @ _pose(row) for row in poses[pose[chosen]]]
        self._stamps_ns = [round(depth_s[d] * 1e9) for d in chosen]
        super().__init__(self._folder.name, map(str, range(len(self._pairs))))

    def pose(self, frame_id: str) -> Matrix:
        """Return T_world_camera of one frame."""
        return self._poses[self._number(frame_id)]

    def _number(self, frame_id: str) -> int:
        if frame_id not in self.frame_ids:
            raise DataError(f'{self._folder} has frames 0 to {len(self) - 1}, not {frame_id}')
        return int(frame_id)

    def read(self, frame_id: str) -> ScanFrame:
        """Return one frame."""
        number = self._number(frame_id)
        depth, color = self._pairs[number]
        depth_m = read_depth_png(self._folder / self._depths[depth], UNITS_PER_M)
        rgb = read_rgb(self._folder / self._colors[color])
        return ScanFrame(
            frame_id, depth_m, rgb, self._camera.resized(*depth_m.shape),
            self._camera.resized(*rgb.shape[:2]), self._poses[number], self._stamps_ns[number])


def _rows(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path} cannot be read ({error}): a sequence needs rgb.txt, depth.txt '
                        'and groundtruth.txt') from error
    return [line for line in lines if line.strip() and not line.startswith('#')]


def _file_list(path: Path) -> tuple[NDArray[np.float64], list[str]]:
    rows = [line.split(maxsplit=1) for line in _rows(path)]
    try:
        return np.array([float(time) for time, _ in rows]), [name.strip() for _, name in rows]
    except ValueError as error:
        raise DataError(f'{path} needs lines of time and file name ({error})') from error


def _nearest(
    stamps_s: NDArray[np.float64], wanted_s: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return for each wanted time the index of the nearest stamp, and how far it is."""
    order = np.argsort(stamps_s)
    ranked = stamps_s[order]
    after = np.clip(np.searchsorted(ranked, wanted_s), 1, max(len(ranked) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(ranked) - 1)
    is_before = np.abs(ranked[before] - wanted_s) <= np.abs(ranked[after] - wanted_s)
    chosen = np.where(is_before, before, after)
    return order[chosen], np.abs(ranked[chosen] - wanted_s)


def _pose(row: NDArray[np.float64]) -> Matrix:
    return make_rigid(quaternion_to_rotation(*row[4:8]), row[1:4])
