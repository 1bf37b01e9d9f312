"""The fused map of a node: fed by the worker thread, asked for by services."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import SceneEstimate
from ssc_ros.fusion.temporal_files import load_map, save_map
from ssc_ros.fusion.temporal_map import FusedVoxels, TemporalMap, map_bytes
from ssc_ros.fusion.temporal_settings import TemporalSettings
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import level_camera_pose, transform_points
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.headers import make_header
from ssc_ros.models.estimator import Estimator
from ssc_ros.nodes.reporting import ThrottledReporter
from ssc_ros.nodes.settings import CompletionParameters, FusionParameters

# An older stamp is a bag that looped or a clock that was set back; less is an exchanged frame.
BACKWARD_JUMP_NS = 1_000_000_000
MAX_MAP_BYTES = 4_000_000_000
MOVING_POSES = ('odometry', 'tf')


@dataclass(frozen=True, slots=True, eq=False)
class FusedVolume:
    """
    Voxels of a map in the box around them.

    Attributes:
        grid: axis order xyz, in the fixed frame.
        labels: (X, Y, Z) uint8, of occupied voxels.
        is_occupied, is_observed: (X, Y, Z).
    """

    grid: VoxelGrid
    labels: NDArray[np.uint8]
    is_occupied: NDArray[np.bool_]
    is_observed: NDArray[np.bool_]


class FusedScene:
    """The map after one frame, ready to be encoded; read at first use."""

    def __init__(
        self, read: Callable[[], FusedVoxels], label_space: LabelSpace, voxel_size_m: float, *,
        stamp_ns: int, frame_id: str, floor_z_m: float, min_confidence: float,
    ) -> None:
        self._read = read
        self._floor_z_m = floor_z_m
        self._min_confidence = min_confidence
        self.label_space = label_space
        self.voxel_size_m = voxel_size_m
        self.stamp_ns = stamp_ns
        self.frame_id = frame_id

    @cached_property
    def header(self) -> Any:
        """std_msgs/Header with the stamp of the image and the fixed frame."""
        return make_header(self.stamp_ns, self.frame_id)

    @cached_property
    def voxels(self) -> FusedVoxels:
        """The occupied voxels of sufficient confidence, in the fixed frame."""
        voxels = self._read()
        is_kept = voxels.confidence >= self._min_confidence
        # The map's floor is z = 0, that of the frame need not be.
        points = voxels.points[is_kept] + [0.0, 0.0, self._floor_z_m]
        return FusedVoxels(
            voxels.cells[is_kept], points, voxels.labels[is_kept], voxels.confidence[is_kept],
            voxels.observed[is_kept])

    @cached_property
    def volume(self) -> FusedVolume:
        """The same voxels side by side."""
        voxels = self.voxels
        grid = VoxelGrid.around(voxels.points, self.voxel_size_m)
        cells = tuple(grid.point_to_index(voxels.points)[0].T)
        labels = np.zeros(grid.shape, np.uint8)
        is_occupied, is_observed = np.zeros((2, *grid.shape), np.bool_)
        labels[cells], is_occupied[cells], is_observed[cells] = (
            voxels.labels, True, voxels.observed)
        return FusedVolume(grid, labels, is_occupied, is_observed)


class TemporalFusion:
    """
    Fuses the estimates of a node; all methods may be called from any thread.

    Raises:
        ConfigurationError: the poses do not tell how the camera moves, or the map is too large.
    """

    def __init__(
        self, estimator: Estimator, parameters: CompletionParameters,
        reporter: ThrottledReporter,
    ) -> None:
        source = parameters.pose.source
        if source not in MOVING_POSES:
            raise ConfigurationError(
                f'fusion.enabled with pose.source {source}: it does not tell how the camera '
                f'moves, set pose.source to {" or ".join(MOVING_POSES)}')
        self._reporter = reporter
        self._lock = threading.Lock()
        pose = level_camera_pose(height_m=1.0)
        box = estimator.place_box(pose)
        voxel_size_m = box.grid.voxel_size_m
        settings = temporal_settings(parameters.fusion)
        _check_size(map_bytes(settings, voxel_size_m, estimator.label_space), settings)
        # All boxes stand at one height above the floor; cells in their layers lose nothing.
        bottom_m = float(transform_points(pose @ box.T_camera_voxel, [box.grid.origin_m])[0, 2])
        self._map = TemporalMap(
            estimator.label_space, voxel_size_m, settings,
            origin_m=(0.0, 0.0, bottom_m % voxel_size_m))

    @property
    def num_bytes(self) -> int:
        """Memory of the map."""
        return self._map.num_bytes

    def add(
        self, estimate: SceneEstimate, T_world_camera: NDArray[np.float64], *,
        world_frame: str, parameters: CompletionParameters,
    ) -> FusedScene:
        """
        Fuse a frame; a stamp that jumps back resets the map first.

        Args:
            T_world_camera: (4, 4) pose of the optical frame; z up, floor at z = 0.
            world_frame: name of the fixed frame.
            parameters: the current values.
        """
        with self._lock:
            latest_ns = self._map.stamp_ns
            if latest_ns is not None and estimate.stamp_ns < latest_ns - BACKWARD_JUMP_NS:
                self._map.reset()
                self._reporter.warn(
                    'time_jump', world_frame,
                    f'the time went back by {(latest_ns - estimate.stamp_ns) / 1e9:.1f} s (a bag '
                    'that loops?): the fused map was reset')
            self._map.integrate(estimate, T_world_camera @ estimate.T_camera_voxel)
        values = parameters.fusion
        return FusedScene(
            self._voxels, self._map.label_space, self._map.window.voxel_size_m,
            stamp_ns=estimate.stamp_ns, frame_id=values.frame or world_frame,
            floor_z_m=parameters.pose.floor_z_m, min_confidence=values.min_confidence)

    def _voxels(self) -> FusedVoxels:
        with self._lock:
            return self._map.voxels()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._map.reset()

    def save(self, path: Path) -> int:
        """Write the map; returns the number of voxels. Errors as of ``save_map``."""
        with self._lock:
            return save_map(path, self._map)

    def load(self, path: Path) -> int:
        """Read a map; returns the number of voxels. Errors as of ``load_map``."""
        with self._lock:
            return load_map(path, self._map)


def _check_size(num_bytes: int, settings: TemporalSettings) -> None:
    if num_bytes > MAX_MAP_BYTES:
        raise ConfigurationError(
            f'a map of fusion.radius_m = {settings.radius_m:g} takes {num_bytes / 1e9:.1f} GB, '
            f'more than {MAX_MAP_BYTES / 1e9:.0f} GB: choose a smaller radius or height')


def temporal_settings(values: FusionParameters) -> TemporalSettings:
    """Return the parameters as the map takes them."""
    return TemporalSettings(
        radius_m=values.radius_m, low_m=values.low_m, high_m=values.high_m,
        half_life_s=values.half_life_s, observed_weight=values.observed_weight,
        completed_weight=values.completed_weight)
