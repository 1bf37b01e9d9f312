"""What the estimators of all networks share: prepare, network, finish, each of them timed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from time import perf_counter
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from ssc_ros.frames import ImageEstimate, RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import BoxPlacement, Heading, place_rounded
from ssc_ros.geometry.raycasting import SceneViewerCache
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space
from ssc_ros.memory import keep_freed_memory
from ssc_ros.models.execution import Execution

WARM_UP_HEIGHT_M = 1.4
WARM_UP_DEPTH_M = 2.0

NetworkT = TypeVar('NetworkT', bound=nn.Module)
FrameT = TypeVar('FrameT')
PreparedT = TypeVar('PreparedT')
AnswerT = TypeVar('AnswerT')
EstimateT = TypeVar('EstimateT', SceneEstimate, ImageEstimate)

LabelVolume = tuple[NDArray[np.uint8], NDArray[np.float32]]


class CompletionConfig(Protocol):
    """What the configuration of every completion network tells."""

    @property
    def label_space(self) -> str: ...
    @property
    def placement(self) -> str: ...
    @property
    def image_size(self) -> tuple[int, int]: ...


class TimedEstimator(ABC, Generic[NetworkT, FrameT, PreparedT, AnswerT, EstimateT]):
    """
    Runs a network on frames of any kind.

    Attributes:
        name, label_space, device: see ``models.estimator.Estimator``.
    """

    def __init__(
        self, network: NetworkT, *, name: str, label_space: str, device: str, precision: str,
    ) -> None:
        self.name = name
        self.label_space = load_label_space(label_space)
        self._execution = Execution.resolve(device, precision)
        self.device = str(self._execution.device)
        keep_freed_memory()
        self._network = self.settle(network)

    def __call__(self, frame: FrameT) -> EstimateT:
        """Estimate one frame."""
        started = perf_counter()
        prepared = self.prepare(frame)
        prepared_at = perf_counter()
        answer = self.infer(prepared)
        inferred_at = perf_counter()
        estimate = self.conclude(frame, prepared, answer)
        return replace(estimate, stage_ms={
            'prepare': (prepared_at - started) * 1000,
            'network': (inferred_at - prepared_at) * 1000,
            'finish': (perf_counter() - inferred_at) * 1000})

    def settle(self, network: NetworkT) -> nn.Module:
        """Move the network to its device, ready for inference."""
        return self._execution.settle(network)

    @abstractmethod
    def prepare(self, frame: FrameT) -> PreparedT:
        """
        Turn a frame into network inputs.

        Raises:
            DataError: the frame is not of a kind or size that this network takes.
        """

    @abstractmethod
    def infer(self, prepared: PreparedT) -> AnswerT:
        """Return what the network says, as arrays; ends with the device in step."""

    @abstractmethod
    def conclude(self, frame: FrameT, prepared: PreparedT, answer: AnswerT) -> EstimateT:
        """Tell what the answer means for the frame it was made of."""


class NetworkEstimator(
    TimedEstimator[NetworkT, StereoFrame | RgbdFrame, PreparedT, LabelVolume, SceneEstimate],
):
    """
    Runs a network on frames (see ``models.estimator.Estimator``).

    Subclasses say how a frame becomes inputs, how inputs become labels, and what the estimate
    tells beyond them.
    """

    frame_types: tuple[type[StereoFrame | RgbdFrame], ...] = (RgbdFrame,)

    def __init__(
        self, network: NetworkT, config: CompletionConfig, *, name: str, device: str,
        precision: str,
    ) -> None:
        super().__init__(
            network, name=name, label_space=config.label_space, device=device,
            precision=precision)
        self._placement = config.placement
        self._image_size = config.image_size
        self._viewers = SceneViewerCache()

    def place_box(self, T_world_camera: ArrayLike, heading: Heading = 'camera') -> BoxPlacement:
        """Put the configuration's voxel box in front of the camera."""
        return place_rounded(self._placement, T_world_camera, heading)

    def warm_up(self) -> None:
        """Run one black frame."""
        height, width = self._image_size
        camera = PinholeCamera(
            0.8 * width, 0.8 * width, (width - 1) / 2, (height - 1) / 2, height, width)
        self(self.black_frame(
            np.zeros((height, width, 3), np.uint8), camera,
            self.place_box(level_camera_pose(height_m=WARM_UP_HEIGHT_M))))

    def black_frame(
        self, black: NDArray[np.uint8], camera: PinholeCamera, placement: BoxPlacement,
    ) -> StereoFrame | RgbdFrame:
        """Return a frame of the kind that the network takes, to warm up with."""
        depth = np.full(camera.size, WARM_UP_DEPTH_M, np.float32)
        return RgbdFrame(black, depth, camera, placement)

    def conclude(
        self, frame: StereoFrame | RgbdFrame, prepared: PreparedT, answer: LabelVolume,
    ) -> SceneEstimate:
        """Tell what labels and their probability, both in grid shape, mean for the frame."""
        return self.finish(frame, prepared, *answer)

    @abstractmethod
    def finish(
        self, frame: StereoFrame | RgbdFrame, prepared: PreparedT, labels: NDArray[np.uint8],
        confidence: NDArray[np.float32],
    ) -> SceneEstimate:
        """Tell what the labels mean for the frame they were made of."""
