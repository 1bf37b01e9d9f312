"""A map that is fused by one thread, completed by another and sent by a third."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.completion import Completion, blended
from ssc_ros.fusion.map_view import MapView
from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.rolling_arrays import Plane, PlaneBox
from ssc_ros.fusion.rolling_completion import RollingCompletion
from ssc_ros.fusion.rolling_fusion import RollingFusion
from ssc_ros.fusion.scene_volume import SceneVolume


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """
    Columns of a map to be completed.

    Attributes:
        generation: of the map; a completion of an older one is not wanted any more.
    """

    generation: int
    box: PlaneBox
    volume: SceneVolume


class SceneMap:
    """
    A rolling fusion, and the completion of the same window.

    Every method may be called from any thread. Integration holds one lock, reading copies under
    it, and completions lie under a lock of their own: a network never keeps a frame waiting.
    """

    def __init__(self, fusion: RollingFusion) -> None:
        self._fusion = fusion
        self._completed = RollingCompletion(fusion.grid(fusion.box).shape)
        # Where both are held, this one is taken first.
        self._fusion_lock = threading.Lock()
        self._completed_lock = threading.Lock()
        self._generation = 0
        self._changes = 0
        self._stamp_ns = 0

    @property
    def voxel_size_m(self) -> float:
        """Edge of a voxel."""
        return self._fusion.voxel_size_m

    @property
    def memory_bytes(self) -> int:
        """Memory of both windows; it never changes."""
        return self._fusion.memory_bytes + self._completed.memory_bytes

    @property
    def box(self) -> PlaneBox:
        """Where the window lies in the lattice."""
        return self._fusion.box

    @property
    def changes(self) -> int:
        """Grows with every frame, and when the map is emptied or loaded."""
        return self._changes

    def integrate(self, frame: PreparedFrame, stamp_ns: int = 0) -> None:
        """Fuse a frame; the window follows the camera."""
        with self._fusion_lock:
            column = self._fusion.column_of(frame.T_world_camera[:3, 3])
            if self._fusion.follow(column):
                with self._completed_lock:
                    self._completed.move_to(self._fusion.box.start)
            self._fusion.integrate(frame)
            self._changes += 1
            self._stamp_ns = stamp_ns

    def column_of(self, point_world: NDArray[np.float64]) -> Plane:
        """Return (y, x) of the column of voxels that a point in metres lies in."""
        return self._fusion.column_of(point_world)

    def snapshot(self, box: PlaneBox) -> Snapshot:
        """Return a copy of some columns."""
        with self._fusion_lock:
            return Snapshot(self._generation, box, self._fusion.volume(box))

    def keep(self, snapshot: Snapshot, completion: Completion) -> bool:
        """
        Blend what the network says of a snapshot with what is known around it.

        One thread at a time may do so. Returns False if the map was emptied meanwhile.
        """
        with self._completed_lock:
            before = self._completed.read(snapshot.box)
        result = blended(before, completion)
        with self._completed_lock:
            if snapshot.generation != self._generation:
                return False
            self._completed.write(snapshot.box, result)
        return True

    def view(self) -> MapView:
        """Return a copy of the whole map."""
        with self._fusion_lock:
            box, stamp_ns = self._fusion.box, self._stamp_ns
            generation, volume = self._generation, self._fusion.volume()
        with self._completed_lock:
            if generation == self._generation:
                completion = self._completed.read(box)
            else:
                completion = RollingCompletion(volume.grid.shape).read(PlaneBox((0, 0), box.shape))
        return MapView(volume, completion, box.start, stamp_ns)

    def clear(self) -> None:
        """Forget everything; completions under way will not be kept."""
        with self._fusion_lock, self._completed_lock:
            self._fusion.clear()
            self._completed.clear()
            self._begin_anew()

    def restore(self, view: MapView) -> None:
        """
        Go on from a view.

        Raises:
            DataError: its size, its voxels or its floor are not those of this map.
        """
        start, grid = view.start, view.volume.grid
        own = self._fusion.grid(PlaneBox(start, self._fusion.box.shape))
        if grid.shape != own.shape or not np.allclose(grid.T_grid_world, own.T_grid_world):
            raise DataError(
                f'the saved map has {grid.shape} voxels of {grid.voxel_size_m:g} m from '
                f'{grid.to_world([[0, 0, 0]])[0].tolist()} m on, here these would be {own.shape} '
                f'of {own.voxel_size_m:g} m from {own.to_world([[0, 0, 0]])[0].tolist()} m on: '
                'start the node with the map.extent_m, pose.floor_z_m and weights that the map '
                'was saved with')
        with self._fusion_lock, self._completed_lock:
            self._fusion.restore(view.volume, start)
            self._completed.move_to(start)
            self._completed.write(self._completed.box, view.completion)
            self._begin_anew()
            self._stamp_ns = view.stamp_ns

    def _begin_anew(self) -> None:
        self._generation += 1
        self._changes += 1
        self._stamp_ns = 0
