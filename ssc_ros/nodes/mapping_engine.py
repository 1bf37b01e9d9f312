"""Fusion and completion of one map: frames come in one thread, the network runs in another."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.dirty_tiles import DirtyTiles, seen_corners
from ssc_ros.fusion.map_view import NO_LABEL, Completion
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.preparation import prepare_frame
from ssc_ros.fusion.rolling_arrays import Plane, PlaneBox
from ssc_ros.fusion.rolling_fusion import BLOCK_VOXELS, RollingFusion
from ssc_ros.fusion.scene_map import SceneMap
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.fusion.volume_grid import Shape
from ssc_ros.models.s4r.inputs import CompletedVolume
from ssc_ros.models.volumes import VolumeEstimator
from ssc_ros.nodes.mapping_settings import MappingParameters
from ssc_ros.nodes.timings import Stopwatch
from ssc_ros.nodes.yielding import yielding_thread
from ssc_ros.sync.matcher import BACKWARDS_NS

BYTES_PER_VOXEL = 19  # of both windows, see ``fusion.scene_map``


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
        self._side = _blocks(parameters.completion.extent_m, self._voxel_size_m, max(
            self._chunk[1:]))
        window = _blocks(parameters.map.extent_m, self._voxel_size_m, self._side)
        shape = (self._chunk[0], window, window)
        _check_memory(shape, parameters.map.max_memory_mb)
        self.map = SceneMap(RollingFusion(
            shape, voxel_size_m=self._voxel_size_m,
            floor_z_m=parameters.pose.floor_z_m, device=network.device, settings=self._settings))
        self._outlook: _Outlook | None = None
        self._newest_ns = 0
        self._dirty = DirtyTiles(BLOCK_VOXELS)
        self._is_robots_turn = True

    @property
    def waiting_tiles(self) -> int:
        """Parts of the map that changed since the network saw them, of 16 x 16 voxels each."""
        return len(self._dirty)

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
        self._dirty.mark(self._box_of(
            seen_corners(prepared, self._settings, self._voxel_size_m)))
        self.counts.frames += 1
        return Integration(watch.durations_ms)

    def complete(self, ahead_m: float) -> Mapping[str, float] | None:
        """
        Complete a part of the map that changed.

        By turns it is the one around the point ``ahead_m`` before the camera, and the one that
        waits longest, so that what the camera left behind is completed, too.

        Returns:
            The time of each stage; None if there is nothing new to complete.
        """
        with self._network_lock:
            box = self._next_box(ahead_m)
            if box is None:
                return None
            watch = Stopwatch()
            # What changes from now on waits for another turn.
            self._dirty.clean(box)
            with watch.stage('snapshot'):
                snapshot = self.map.snapshot(box)
            started = perf_counter()
            completed = self._thread.submit(
                self._network, snapshot.volume.network_input()).result()
            watch.durations_ms['network'] = (perf_counter() - started) * 1000
            with watch.stage('keep'):
                is_kept = self.map.keep(
                    snapshot, as_completion(completed), margin=min(self._chunk[1:]) // 4)
            self.counts.completions += is_kept
            self.counts.discarded += not is_kept
            watch.durations_ms['complete'] = sum(watch.durations_ms.values())
            return watch.durations_ms

    def clear(self) -> None:
        """Begin a new map; what the network works on will not be kept."""
        self._outlook, self._newest_ns = None, 0
        self.map.clear()
        self._dirty.clear()
        self.counts.resets += 1

    def close(self) -> None:
        """End the thread of the network, after its current work."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next_box(self, ahead_m: float) -> PlaneBox | None:
        """Return the columns to complete next, None if nothing waits."""
        outlook, oldest = self._outlook, self._dirty.oldest(self.map.box)
        if outlook is None or oldest is None:
            return None
        own = self._box_around(self.map.column_of(outlook.position + ahead_m * outlook.heading))
        self._is_robots_turn = not self._is_robots_turn
        # The first turn is the robot's.
        return own if not self._is_robots_turn and self._dirty.is_dirty(own) else (
            self._box_around(oldest))

    def _box_of(self, points_world: NDArray[np.float64]) -> PlaneBox:
        """Return the columns of the box around points."""
        columns = np.array([self.map.column_of(point) for point in points_world])
        low, size = columns.min(axis=0), np.ptp(columns, axis=0) + 1
        return PlaneBox((int(low[0]), int(low[1])), (int(size[0]), int(size[1])))

    def _box_around(self, column: Plane) -> PlaneBox:
        """Return the columns around one, on the network's grid of windows, inside the map."""
        window = self.map.box
        stride = min(self._chunk[1:]) // 2

        def start(axis: int) -> int:
            wanted = (column[axis] - self._side // 2) // stride * stride
            last = window.start[axis] + window.shape[axis] - self._side
            return max(window.start[axis], min(wanted, last))

        first: Plane = (start(0), start(1))
        return PlaneBox(first, (self._side, self._side))


def as_completion(completed: CompletedVolume) -> Completion:
    """Return what a map keeps of an answer; what a network does not predict is empty."""
    covered = completed.covered
    shape = covered.shape
    near = completed.near_surface
    flags = covered.astype(np.uint8) * np.uint8(Completion.COVERED)
    tsdf = np.zeros(shape, np.float16)
    if near is not None and completed.tsdf_voxels is not None:
        flags[near & covered] |= np.uint8(Completion.NEAR)
        tsdf = np.where(covered, completed.tsdf_voxels, 0).astype(np.float16)
    return Completion(
        flags, tsdf,
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
