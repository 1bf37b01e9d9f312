"""What the estimators of all networks share: prepare, network, finish, each of them timed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import ImageEstimate, RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.placement import BoxPlacement, Heading, place_rounded
from ssc_ros.geometry.raycasting import SceneViewerCache
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space
from ssc_ros.memory import keep_freed_memory
from ssc_ros.models.backends import (
    TORCH,
    Backend,
    ExportedOutput,
    resolve_backend_precision,
)
from ssc_ros.models.execution import Execution, build_seeded, load_tensors
from ssc_ros.models.registry import find_network, random_weights_name
from ssc_ros.weights import find_bundle, read_bundle_config

WARM_UP_HEIGHT_M = 1.4
WARM_UP_DEPTH_M = 2.0
WARM_UP_BASELINE_M = 0.12

NetworkT = TypeVar('NetworkT', bound=nn.Module)
FrameT = TypeVar('FrameT')
PreparedT = TypeVar('PreparedT')
AnswerT = TypeVar('AnswerT')
EstimateT = TypeVar('EstimateT', SceneEstimate, ImageEstimate)
EstimatorT = TypeVar('EstimatorT', bound='TimedEstimator[Any, Any, Any, Any, Any]')

# Labels and their probability, both in grid shape.
LabelVolume = tuple[NDArray[np.uint8], NDArray[np.float32]]


def _config_of(network: nn.Module) -> Any:
    """Return the configuration that a network keeps; modules type their attributes poorly."""
    return network.config


class TimedEstimator(ABC, Generic[NetworkT, FrameT, PreparedT, AnswerT, EstimateT]):
    """
    Runs a network on frames of any kind.

    Attributes:
        network_name, network_class: key in ``models.registry.NETWORKS``, and the class that a
            configuration builds; it keeps that as ``config``.
        name, label_space, device: see ``models.estimator.Estimator``.
        exports: what other back-ends than torch must return; None where there are none.
        export_obstacle: why there are none.
        backend: what runs the network.
    """

    network_name: ClassVar[str]
    network_class: ClassVar[type[nn.Module]]
    exports: ClassVar[ExportedOutput | None] = None
    export_obstacle: ClassVar[str] = ''

    def __init__(
        self, network: NetworkT, *, name: str, device: str = 'auto', precision: str = 'auto',
    ) -> None:
        self.name = name
        self.label_space = load_label_space(_config_of(network).label_space)
        self._execution = Execution.resolve(device, precision)
        self.device = str(self._execution.device)
        keep_freed_memory()
        self._network: Backend = self._execution.accelerate(self.settle(network))

    @classmethod
    def from_bundle(
        cls: type[EstimatorT], name_or_path: str | Path, *, device: str = 'auto',
        precision: str = 'auto', backend: str = TORCH,
    ) -> EstimatorT:
        """
        Load a weights bundle.

        Raises:
            WeightsError: missing, corrupt, or its tensors do not fit its configuration.
            ConfigurationError: unknown device, precision or back-end, or one that cannot be had.
        """
        bundle = find_bundle(name_or_path)
        config = find_network(cls.network_name).read_config(read_bundle_config(bundle)['config'])
        network = load_tensors(cls.network_class(config), bundle)
        return cls._started(
            network, str(name_or_path), device=device, precision=precision, backend=backend)

    @classmethod
    def with_random_weights(
        cls: type[EstimatorT], preset: str, *, device: str = 'auto', precision: str = 'auto',
        backend: str = TORCH, seed: int = 0,
    ) -> EstimatorT:
        """Build a preset with seeded random weights: right shapes and cost, meaningless labels."""
        config = find_network(cls.network_name).load_preset(preset)
        network = build_seeded(lambda: cls.network_class(config), seed)
        return cls._started(
            network, random_weights_name(cls.network_name, preset), device=device,
            precision=precision, backend=backend)

    @classmethod
    def _started(
        cls: type[EstimatorT], network: nn.Module, name: str, *, device: str, precision: str,
        backend: str,
    ) -> EstimatorT:
        estimator = cls(network, name=name, device=device,
                        precision=resolve_backend_precision(backend, precision))
        if backend != TORCH:
            estimator._hand_over(_config_of(network))
        return estimator

    @property
    def backend(self) -> Backend:
        """What runs the network."""
        return self._network

    def _hand_over(self, config: Any) -> None:
        """Let ONNX Runtime run the network from now on."""
        from ssc_ros.models.onnx_backend import open_onnx_backend

        if self.exports is None:
            raise ConfigurationError(
                f'weights {self.name!r} run with torch only, as {self.export_obstacle}: set the '
                'back-end to torch')
        network = self._network
        assert isinstance(network, nn.Module)  # of a new estimator
        self._network = open_onnx_backend(
            network, self.exports, self._record_inputs, network_name=self.network_name,
            config=config, device=self._execution.device)

    def _record_inputs(self) -> tuple[Any, ...]:
        """Return what the network gets of an empty frame."""
        network, recorded = self._network, []

        def run(*inputs: Any) -> Any:
            recorded.append(inputs)
            return network(*inputs)

        self._network = run
        try:
            self.warm_up()
        finally:
            self._network = network
        return recorded[-1]

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
    def warm_up(self) -> Any:
        """Run one empty frame and return what came of it."""

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
    TimedEstimator[NetworkT, StereoFrame | RgbdFrame, PreparedT, AnswerT, SceneEstimate],
):
    """
    Runs a network on frames (see ``models.estimator.Estimator``).

    Subclasses say how a frame becomes inputs, how inputs become labels, and what the estimate
    tells beyond them.
    """

    frame_types: tuple[type[StereoFrame | RgbdFrame], ...] = (RgbdFrame,)

    def __init__(
        self, network: NetworkT, *, name: str, device: str = 'auto', precision: str = 'auto',
    ) -> None:
        super().__init__(network, name=name, device=device, precision=precision)
        config = _config_of(network)
        self._placement = config.placement
        self._image_size = config.image_size
        self._viewers = SceneViewerCache()

    def place_box(self, T_world_camera: ArrayLike, heading: Heading = 'camera') -> BoxPlacement:
        """Put the configuration's voxel box in front of the camera."""
        return place_rounded(self._placement, T_world_camera, heading)

    def warm_up(self) -> SceneEstimate:
        """Run one black frame and return what came of it."""
        height, width = self._image_size
        camera = PinholeCamera(
            0.8 * width, 0.8 * width, (width - 1) / 2, (height - 1) / 2, height, width)
        return self(self.black_frame(
            np.zeros((height, width, 3), np.uint8), camera,
            self.place_box(level_camera_pose(height_m=WARM_UP_HEIGHT_M))))

    def black_frame(
        self, black: NDArray[np.uint8], camera: PinholeCamera, placement: BoxPlacement,
    ) -> StereoFrame | RgbdFrame:
        """Return a frame of the first kind that the network takes, to warm up with."""
        if self.frame_types[0] is StereoFrame:
            return StereoFrame(
                black, black, StereoRig(camera, camera, WARM_UP_BASELINE_M), placement)
        depth = np.full(camera.size, WARM_UP_DEPTH_M, np.float32)
        return RgbdFrame(black, depth, camera, placement)
