"""Put the outputs of a running node together again into frames to look at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.frames import SceneEstimate
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.labels import LabelSpace
from ssc_ros.viewer.lattice import lattice_of
from ssc_ros.viewer.recorded_frame import RecordedFrame


class StampedParts:
    """
    Collects values of several topics by stamp.

    Args:
        trigger: the topic that every set must hold.
        others: topics that complete a set; a set without them is given out when the next one
            begins, so that a topic nobody publishes only delays the picture.
        capacity: values kept per topic.
    """

    def __init__(self, trigger: str, others: tuple[str, ...], *, capacity: int = 100) -> None:
        self._trigger = trigger
        self._others = others
        self._capacity = capacity
        self._values: dict[str, OrderedDict[int, Any]] = {
            name: OrderedDict() for name in (trigger, *others)}

    def offer(self, name: str, stamp_ns: int, value: Any) -> Mapping[str, Any] | None:
        """Add a value and return the set that it completes, if it does."""
        overdue = None
        waiting = self._values[self._trigger]
        if name == self._trigger and waiting:
            overdue = self._take(next(reversed(waiting)))
            waiting.clear()
        values = self._values[name]
        values[stamp_ns] = value
        while len(values) > self._capacity:
            values.popitem(last=False)
        is_complete = all(stamp_ns in kept for kept in self._values.values())
        return self._take(stamp_ns) if is_complete else overdue

    def _take(self, stamp_ns: int) -> Mapping[str, Any]:
        return {name: values.pop(stamp_ns) for name, values in self._values.items()
                if stamp_ns in values}


def frame_from_cloud(
    points_camera: NDArray[np.floating], labels: NDArray[np.integer], *,
    observed: NDArray[np.bool_], confidence: NDArray[np.floating], camera: PinholeCamera,
    label_space: LabelSpace, image: NDArray[np.uint8] | None = None,
    image_labels: NDArray[np.uint8] | None = None, depth_m: NDArray[np.float32] | None = None,
    stamp_ns: int = 0,
) -> RecordedFrame:
    """
    Rebuild an estimate from the cloud of its voxels.

    Args:
        points_camera: (N, 3) voxel centres in the optical frame, in C order of the array.
        labels, observed, confidence: (N,) of each voxel.
        image, image_labels, depth_m: of the same stamp and camera, where known.

    Raises:
        DataError: the points lie on no lattice.
    """
    grid, T_camera_grid, cells = lattice_of(points_camera)
    index = tuple(cells.T)
    volume = np.full(grid.shape, 255, np.uint8)
    volume[index] = labels
    is_observed, probability = np.zeros(grid.shape, np.bool_), np.zeros(grid.shape, np.float32)
    is_observed[index], probability[index] = observed, confidence
    estimate = SceneEstimate(
        labels=volume, confidence=probability, observed=is_observed, grid=grid,
        T_camera_voxel=T_camera_grid, camera=camera, label_space=label_space,
        image_labels=image_labels, depth_m=depth_m, stamp_ns=stamp_ns)
    return RecordedFrame(estimate, image)
