"""Fusion and completion of one map: frames come in one thread, the network runs in another."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.completion import NO_LABEL, Completion
from ssc_ros.fusion.dirty_tiles import seen_corners
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.preparation import prepare_frame
from ssc_ros.fusion.rolling_arrays import PlaneBox
from ssc_ros.fusion.rolling_fusion import BLOCK_VOXELS, RollingFusion
from ssc_ros.fusion.scene_map import SceneMap
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.fusion.volume_grid import Shape
from ssc_ros.models.s4r.inputs import CompletedVolume
from ssc_ros.models.s4r.windows import Windowing
from ssc_ros.models.volumes import VolumeEstimator
from ssc_ros.nodes.completion_turns import CompletionTurns, least_side
from ssc_ros.nodes.mapping_settings import MappingParameters
from ssc_ros.nodes.timings import Stopwatch
from ssc_ros.nodes.yielding import yielding_thread
from ssc_ros.sync.matcher import BACKWARDS_NS

BYTES_PER_VOXEL = 19  # of both windows, see ``fusion.scene_map``; columns are not worth counting


@dataclass(frozen=True, slots=True)
class Integration:
    """What became of a frame: the time of each stage."""

    stage_ms: Mapping[str, float]


@dataclass(slots=True)
class MapCounts:
    """What happened since the node was configured."""

    frames: int = 0
    completions: int = 0
    discarded: int = 0
    resets: int = 0


@dataclass(frozen=True, slots=True)
class _Outlook:
    """Where the network shall look: the camera's place and its heading in the plane."""

    position: NDArray[np.float64]
    heading: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))

    @classmethod
    def of(cls, T_world_camera: NDArray[np.float64]) -> _Outlook:
        forward = T_world_camera[:3, 2].copy()
        forward[2] = 0
        length = float(np.linalg.norm(forward))
        return cls(T_world_camera[:3, 3], forward / length if length > 1e-6 else np.zeros(3))

    def ahead(self, distance_m: float) -> NDArray[np.float64]:
        """Return the point so far before the camera."""
        point: NDArray[np.float64] = self.position + distance_m * self.heading
        return point


class MappingEngine:
    """
    A map and the network that completes it.

    Calling it fuses a frame; that never waits for ``complete``, which may take many seconds.

    Attributes:
        name, label_space, device: of the network.
        map, counts: what both threads work on.
    """

    def __init__(self, network: VolumeEstimator, parameters: MappingParameters) -> None:
        config = network.config
        self.name, self.label_space = network.name, network.label_space
        self.device = network.device
        self.counts = MapCounts()
        self._network = network
        # A stopped node may be started again while the network still works on what it left.
        self._network_lock = threading.Lock()
        self._thread = yielding_thread('network', parameters.completion.niceness)
        self._voxel_size_m = config.voxel_size_m
        self._chunk = config.chunk_shape
        self._settings = replace(
            FusionSettings(), min_depth_m=parameters.map.min_depth_m,
            max_depth_m=parameters.map.max_depth_m)
        stride = Windowing().stride_of(self._chunk)
        side = _blocks(parameters.completion.extent_m, self._voxel_size_m, max(
            *self._chunk[1:], least_side(stride)))
        window = _blocks(parameters.map.extent_m, self._voxel_size_m, side)
        shape = (self._chunk[0], window, window)
        _check_memory(shape, parameters.map.max_memory_mb)
        self.map = SceneMap(RollingFusion(
            shape, voxel_size_m=self._voxel_size_m,
            floor_z_m=parameters.pose.floor_z_m, device=network.device, settings=self._settings))
        self._outlook: _Outlook | None = None
        self._newest_ns = 0
        self._turns = CompletionTurns(side, stride)

    @property
    def waiting_tiles(self) -> int:
        """Parts of the map that changed since the network saw them, of 16 x 16 voxels each."""
        return len(self._turns)

    @property
    def extent_m(self) -> tuple[float, float, float]:
        """Edges of the map along x, y and z."""
        rows, columns = self.map.box.shape
        x, y, z = (count * self._voxel_size_m for count in (columns, rows, self._chunk[0]))
        return x, y, z

    def warm_up(self) -> None:
        """Run the network once."""
        self._network.warm_up()

    def __call__(self, frame: PosedFrame) -> Integration:
        """Fuse one frame; one that is over a second older than the last begins a new map."""
        watch = Stopwatch()
        with watch.stage('prepare'):
            prepared = prepare_frame(frame, self._settings)
        if frame.stamp_ns < self._newest_ns - BACKWARDS_NS:
            self.clear()
        with watch.stage('integrate'):
            self.map.integrate(prepared, frame.stamp_ns)
        self._newest_ns = frame.stamp_ns
        self._outlook = _Outlook.of(frame.T_world_camera)
        self._turns.mark(self._box_of(
            seen_corners(prepared, self._settings, self._voxel_size_m)))
        self.counts.frames += 1
        return Integration(watch.durations_ms)

    def complete(self, ahead_m: float) -> Mapping[str, float] | None:
        """
        Complete a part of the map that changed; see ``CompletionTurns``.

        Args:
            ahead_m: the robot's turns are around the point so far before the camera.

        Returns:
            The time of each stage; None if there is nothing new to complete.
        """
        with self._network_lock:
            outlook = self._outlook
            square = None if outlook is None else self._turns.take(
                self.map.box, self.map.column_of(outlook.ahead(ahead_m)))
            if square is None:
                return None
            watch = Stopwatch()
            with watch.stage('snapshot'):
                snapshot = self.map.snapshot(square.box)
            started = perf_counter()
            completed = self._thread.submit(
                self._network, snapshot.volume.network_input()).result()
            watch.durations_ms['network'] = (perf_counter() - started) * 1000
            with watch.stage('keep'):
                is_kept = self.map.keep(snapshot, as_completion(completed, square.weight))
            self.counts.completions += is_kept
            self.counts.discarded += not is_kept
            watch.durations_ms['complete'] = sum(watch.durations_ms.values())
            return watch.durations_ms

    def clear(self) -> None:
        """Begin a new map; what the network works on will not be kept."""
        self._outlook, self._newest_ns = None, 0
        self.map.clear()
        self._turns.clear()
        self.counts.resets += 1

    def close(self) -> None:
        """End the thread of the network, after its current work."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _box_of(self, points_world: NDArray[np.float64]) -> PlaneBox:
        """Return the columns of the box around points."""
        columns = np.array([self.map.column_of(point) for point in points_world])
        low, size = columns.min(axis=0), np.ptp(columns, axis=0) + 1
        return PlaneBox((int(low[0]), int(low[1])), (int(size[0]), int(size[1])))


def as_completion(completed: CompletedVolume, weight: NDArray[np.float32]) -> Completion:
    """
    Return what a map keeps of an answer; what a network does not predict is empty.

    Columns without a surface nearby are not covered. In the core, that replaces what was said of
    a surface that has gone since.

    Args:
        weight: (Y, X) of the columns, 1 in the core.
    """
    covered = completed.covered
    is_told = covered.any(axis=0) | (weight == 1)
    shape = covered.shape
    near, tsdf = np.zeros(shape, np.bool_), np.zeros(shape, np.float16)
    if completed.near_surface is not None and completed.tsdf_voxels is not None:
        near = completed.near_surface & covered
        tsdf = np.where(covered, completed.tsdf_voxels, 0).astype(np.float16)
    return Completion(
        weight * is_told, near, tsdf,
        np.zeros((*shape, 3), np.uint8) if completed.rgb is None else completed.rgb,
        np.full(shape, NO_LABEL, np.uint8) if completed.labels is None else completed.labels,
        np.zeros(shape, np.float16) if completed.confidence is None
        else completed.confidence.astype(np.float16))


def _blocks(extent_m: float, voxel_size_m: float, least: int) -> int:
    """Return an extent in voxels, a whole number of blocks."""
    count = max(round(extent_m / voxel_size_m), least)
    return -(-count // BLOCK_VOXELS) * BLOCK_VOXELS


def _check_memory(shape: Shape, limit_mb: int) -> None:
    needed_mb = float(np.prod(shape)) * BYTES_PER_VOXEL / 1e6
    if needed_mb > limit_mb:
        raise ConfigurationError(
            f'a map of {shape} voxels takes {needed_mb:.0f} MB, map.max_memory_mb allows '
            f'{limit_mb}: choose a smaller map.extent_m or allow more')
