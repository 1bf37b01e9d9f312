"""Matterport3D buildings: undistorted images, calibration, rooms and their frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.room_box import RoomBox
from ssc_ros.geometry.cameras import PinholeCamera

from .files import read_depth_png, read_rgb
from .frame import Matrix, Scan, ScanFrame
from .reprojection import depth_disagreement_m

UNITS_PER_M = 4000.0  # a quarter of a millimetre
COLOR_FOLDER, DEPTH_FOLDER = 'undistorted_color_images', 'undistorted_depth_images'
CONF_FOLDER = 'undistorted_camera_parameters'
# The cameras of the .conf look down -z with y up.
FLIP_YZ = np.diag([1.0, -1.0, -1.0, 1.0])
PrincipalPoint = Literal['top', 'bottom', 'measured']


@dataclass(frozen=True, slots=True, eq=False)
class ConfView:
    """One `scan` line of a .conf; cy counts from the bottom of the image or from the top."""

    depth_name: str
    color_name: str
    intrinsics: tuple[float, float, float, float]  # fx, fy, cx, cy
    T_world_camera: Matrix


def read_conf(path: Path) -> list[ConfView]:
    """
    Read the views of a building; poses are turned to optical frames (z forward, y down).

    Raises:
        DataError: the file is missing, or a line is malformed.
    """
    views, intrinsics = list[ConfView](), (0.0, 0.0, 0.0, 0.0)
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
        for line in lines:
            words = line.split()
            if words[:1] == ['intrinsics_matrix']:
                k = np.array(words[1:10], float).reshape(3, 3)
                intrinsics = float(k[0, 0]), float(k[1, 1]), float(k[0, 2]), float(k[1, 2])
            elif words[:1] == ['scan']:
                pose = np.array(words[3:19], float).reshape(4, 4)
                views.append(ConfView(words[1], words[2], intrinsics, pose @ FLIP_YZ))
    except (OSError, ValueError) as error:
        raise DataError(f'{path} is not a Matterport3D .conf ({error}): copy it again') from error
    if not views or intrinsics[0] <= 0:
        raise DataError(f'{path} has no scan lines after an intrinsics_matrix: copy it again')
    return views


class MatterportBuilding(Scan):
    """
    The undistorted images of one building; frame ids count the scan lines of its .conf.

    Args:
        principal_point: where cy is counted from. The documentation says the bottom of the image;
            `measured` takes what makes the depth of neighbouring views agree better.

    Raises:
        DataError: the calibration is missing or malformed.
    """

    def __init__(
        self, folder: Path | str, principal_point: PrincipalPoint = 'measured',
    ) -> None:
        self._folder = Path(folder)
        views = read_conf(self._folder / CONF_FOLDER / f'{self._folder.name}.conf')
        self._views = {str(number): view for number, view in enumerate(views)}
        super().__init__(self._folder.name, self._views)
        self.principal_point: PrincipalPoint = principal_point
        if principal_point == 'measured':
            self.principal_point = self._measured_principal_point()

    def pose(self, frame_id: str) -> Matrix:
        """Return T_world_camera of one frame."""
        return self._view(frame_id).T_world_camera

    def read(self, frame_id: str) -> ScanFrame:
        """Return one frame; Matterport3D keeps no times."""
        view = self._view(frame_id)
        depth_m = read_depth_png(self._folder / DEPTH_FOLDER / view.depth_name, UNITS_PER_M)
        rgb = read_rgb(self._folder / COLOR_FOLDER / view.color_name)
        fx, fy, cx, cy = view.intrinsics
        height, width = rgb.shape[:2]
        cy = height - 1 - cy if self.principal_point == 'bottom' else cy
        camera = PinholeCamera(fx, fy, cx, cy, height, width)
        return ScanFrame(frame_id, depth_m, rgb, camera.resized(*depth_m.shape), camera,
                         view.T_world_camera)

    def _view(self, frame_id: str) -> ConfView:
        if frame_id not in self._views:
            raise DataError(f'{self._folder} has frames 0 to {len(self) - 1}, not {frame_id}')
        return self._views[frame_id]

    def _measured_principal_point(self, pairs: int = 10) -> PrincipalPoint:
        """Return the origin of cy with the lower disagreement over pairs of near cameras."""
        chosen = near_pairs([self.pose(frame_id) for frame_id in self.frame_ids], pairs)
        scores = dict[PrincipalPoint, float]()
        for variant in ('bottom', 'top'):
            self.principal_point = variant
            errors = [depth_disagreement_m(self.read(str(a)), self.read(str(b)))
                      for a, b in chosen]
            shared = [error for error in errors if np.isfinite(error)]
            scores[variant] = float(np.mean(shared)) if shared else np.inf
        return min(scores, key=lambda name: scores[name])


def near_pairs(poses: Sequence[Matrix], count: int) -> list[tuple[int, int]]:
    """Return up to count pairs of cameras at different places that look much the same way."""
    places = np.array([pose[:3, 3] for pose in poses])
    forward = np.array([pose[:3, 2] for pose in poses])
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    alike = forward @ forward.T
    first, second = np.nonzero(np.triu((alike > 0.7) & (distance > 0.05), 1))
    order = np.argsort(distance[first, second])[:count]
    return [(int(first[i]), int(second[i])) for i in order]


def room_box(points: NDArray[np.float64]) -> RoomBox:
    """
    Return the smallest upright box around the (N, 3) vertices of a room's mesh.

    Raises:
        DataError: too few points.
    """
    if len(points) < 3:
        raise DataError(f'a room of {len(points)} points has no box: is its mesh whole?')
    (x, y), (width, depth), angle_deg = cv2.minAreaRect(points[:, :2].astype(np.float32))
    low, high = float(points[:, 2].min()), float(points[:, 2].max())
    return RoomBox((x, y, (low + high) / 2), (width / 2, depth / 2, (high - low) / 2),
                   float(np.deg2rad(angle_deg)))
