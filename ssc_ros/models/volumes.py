"""What every network that completes fused volumes looks like from outside, and a stand-in."""

from __future__ import annotations

from time import perf_counter
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ssc_ros.labels import LabelSpace, load_label_space
from ssc_ros.models.s4r.config import S4rConfig
from ssc_ros.models.s4r.inputs import TRUNCATION_VOXELS, CompletedVolume
from ssc_ros.models.s4r.presets import load_preset

# Between the layers 2 and 3: voxel centres of the third layer stand on the floor.
_FLOOR_LAYER = 2.5


class VolumeEstimator(Protocol):
    """
    Completes fused volumes; not thread-safe, one thread owns it.

    Attributes:
        name, label_space, device: see ``models.estimator.Estimator``.
        config: tells voxel size and height of the volumes.
    """

    name: str
    label_space: LabelSpace
    device: str
    config: S4rConfig

    def warm_up(self) -> None:
        """Run once, so that later calls are fast."""

    def __call__(self, frame: NDArray[np.float32]) -> CompletedVolume:
        """Complete a volume; see ``models.s4r.processing.S4rEstimator``."""


class DummyVolumeEstimator:
    """
    A stand-in without weights: the floor goes on where nothing was seen, the rest is wall.

    What was measured comes back as it is, so that completions can be told from measurements.
    """

    name = 'dummy'
    device = 'cpu'

    def __init__(self) -> None:
        self.config = load_preset('small')
        self.label_space = load_label_space(self.config.label_space)

    def warm_up(self) -> None:
        """Nothing to warm up."""

    def __call__(self, frame: NDArray[np.float32]) -> CompletedVolume:
        """Return measured distances and colours, and a grey floor elsewhere."""
        started = perf_counter()
        shape, observed = frame.shape[1:], frame[4] > 0
        above = np.arange(shape[0], dtype=np.float32)[:, None, None] - _FLOOR_LAYER
        floor = np.broadcast_to(above.clip(-TRUNCATION_VOXELS, TRUNCATION_VOXELS), shape)
        tsdf = np.where(observed, frame[0], floor).astype(np.float32)
        rgb = np.where(observed[..., None], np.moveaxis(frame[1:4], 0, -1) * 255, 128)
        names = self.label_space.names
        is_floor = np.broadcast_to(np.abs(above) < 1, shape)
        return CompletedVolume(
            covered=np.ones(shape, np.bool_), tsdf_voxels=tsdf,
            near_surface=np.abs(tsdf) < TRUNCATION_VOXELS, rgb=rgb.astype(np.uint8),
            labels=np.where(is_floor, *(np.uint8(names.index(name))
                                        for name in ('floor', 'wall'))),
            confidence=np.ones(shape, np.float32),
            stage_ms={'prepare': 0.0, 'network': 0.0,
                      'finish': (perf_counter() - started) * 1000})
