"""What every network looks like from outside: a frame in, a scene or a labelled image out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import ImageEstimate, RgbdFrame, RgbFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.placement import BoxPlacement, Heading, place_rounded
from ssc_ros.geometry.raycasting import SceneViewerCache
from ssc_ros.labels import LabelSpace, load_label_space
from ssc_ros.models.backends import TORCH
from ssc_ros.models.registry import RANDOM_PREFIX, NetworkCode, find_network, split_preset
from ssc_ros.weights import find_bundle, read_bundle_config

if TYPE_CHECKING:
    from ssc_ros.models.volumes import VolumeEstimator

DUMMY = 'dummy'
DUMMY_WALL_M = 4.0
DUMMY_HEIGHT_M = 1.2
# Stands for the number of iterations that the weights were trained with.
AS_TRAINED = -1


class Estimator(Protocol):
    """
    Turns frames into scene estimates; not thread-safe, one worker owns it.

    Attributes:
        name: weights it runs, as given to ``load_estimator``.
        label_space: the classes of its estimates.
        device: where the network runs, e.g. ``cpu`` or ``cuda:0``.
        frame_types: the frames that it takes.
    """

    name: str
    label_space: LabelSpace
    device: str
    frame_types: tuple[type[StereoFrame | RgbdFrame], ...]

    def place_box(self, T_world_camera: ArrayLike, heading: Heading = 'camera') -> BoxPlacement:
        """
        Put the network's voxel box in front of the camera.

        Args:
            T_world_camera: (4, 4) pose of the (left) optical frame; z up, floor at z = 0.
            heading: the box turns with the camera, or stays parallel to the world's axes.
        """

    def warm_up(self) -> SceneEstimate | None:
        """Run once on an empty frame, so that the first real one is not slower."""

    def __call__(self, frame: StereoFrame | RgbdFrame) -> SceneEstimate:
        """
        Estimate the scene of one frame.

        Raises:
            DataError: the frame is not of a kind or size that this network takes.
        """


@runtime_checkable
class IterativeEstimator(Protocol):
    """
    What estimators have whose network refines its answer in a loop.

    Attributes:
        trained_iterations: how often it did in training.
        max_iterations: how often it may; 0 of a configuration that has nothing to refine with.
        iterations: how often it does; may be set at any time, the next frame is made with it.
    """

    name: str
    trained_iterations: int
    max_iterations: int
    iterations: int


def resolve_iterations(estimator: Any, iterations: int) -> int:
    """
    Return how often an estimator is to refine its answer, 0 where it has no loop.

    Args:
        iterations: wanted number, or AS_TRAINED.

    Raises:
        ConfigurationError: its network has no loop, or the number is too large for it.
    """
    if not isinstance(estimator, IterativeEstimator):
        if iterations == AS_TRAINED:
            return 0
        raise ConfigurationError(
            f'iterations = {iterations}, but the network of weights {estimator.name!r} has no '
            f'loop: leave it at {AS_TRAINED}, or choose weights of IMENet')
    if iterations == AS_TRAINED:
        return estimator.trained_iterations
    if not 0 <= iterations <= estimator.max_iterations:
        raise ConfigurationError(
            f'iterations = {iterations}, but weights {estimator.name!r} take 0 to '
            f'{estimator.max_iterations}, or {AS_TRAINED} for the {estimator.trained_iterations} '
            'of their training')
    return iterations


def set_iterations(estimator: Any, iterations: int) -> None:
    """Let an estimator refine its answer so often; arguments as of ``resolve_iterations``."""
    resolved = resolve_iterations(estimator, iterations)
    if isinstance(estimator, IterativeEstimator):
        estimator.iterations = resolved


class ImageEstimator(Protocol):
    """
    Turns colour images into labelled ones; not thread-safe, one worker owns it.

    Attributes: as of ``Estimator``.
    """

    name: str
    label_space: LabelSpace
    device: str

    def warm_up(self) -> ImageEstimate | None:
        """Run once on a black image, so that the first real one is not slower."""

    def __call__(self, frame: RgbFrame) -> ImageEstimate:
        """Label every pixel of an image of any size."""


def load_estimator(
    weights: str | Path, *, device: str = 'auto', precision: str = 'auto',
    backend: str = TORCH,
) -> Estimator:
    """
    Load a network.

    Args:
        weights: name or path of a bundle; ``random:[<network>/]<preset>`` builds a preset with
            random weights, ``dummy`` needs no network at all.
        device: ``auto`` takes the first GPU, else the CPU; or a torch device.
        precision: ``auto`` | ``float32`` | ``bfloat16`` | ``float16`` of convolutions.
        backend: ``torch`` | ``onnxruntime``; see ``models.backends``.

    Raises:
        WeightsError: the bundle is missing, corrupt or does not fit.
        ConfigurationError: unknown network, preset, device, precision or back-end, or the back-end
            cannot run the network here.
    """
    if str(weights) == DUMMY:
        return DummyEstimator()
    estimator: Estimator = _load(
        weights, 'scene', device=device, precision=precision, backend=backend)
    return estimator


def load_image_estimator(
    weights: str | Path, *, device: str = 'auto', precision: str = 'auto',
    backend: str = TORCH,
) -> ImageEstimator:
    """Load a network that labels images; arguments and errors as of ``load_estimator``."""
    if str(weights) == DUMMY:
        return DummyImageEstimator()
    estimator: ImageEstimator = _load(
        weights, 'image', device=device, precision=precision, backend=backend)
    return estimator


def load_volume_estimator(
    weights: str | Path, *, device: str = 'auto', precision: str = 'auto',
    backend: str = TORCH,
) -> VolumeEstimator:
    """Load a network that completes volumes; arguments and errors as of ``load_estimator``."""
    if str(weights) == DUMMY:
        from ssc_ros.models.volumes import DummyVolumeEstimator

        return DummyVolumeEstimator()
    estimator: VolumeEstimator = _load(
        weights, 'volume', device=device, precision=precision, backend=backend)
    return estimator


LOADERS: Mapping[str, Callable[..., object]] = {
    'scene': load_estimator, 'image': load_image_estimator, 'volume': load_volume_estimator}
"""By what a network answers with (``NetworkCode.answers``)."""


def network_of(weights: str) -> tuple[NetworkCode, str]:
    """
    Return the code of weights, and the preset of random ones; empty of others.

    Raises:
        WeightsError: the bundle is missing or its configuration unreadable.
        ConfigurationError: unknown network.
    """
    if weights.startswith(RANDOM_PREFIX):
        return split_preset(weights[len(RANDOM_PREFIX):])
    return find_network(read_bundle_config(find_bundle(weights))['model']), ''


def _load(
    weights: str | Path, answers: Literal['scene', 'image', 'volume'], **options: str,
) -> Any:
    name = str(weights)
    network, preset = network_of(name)
    if network.answers != answers:
        words = {'scene': 'complete scenes (stereo_node, rgbd_node)',
                 'image': 'label images (segmentation_node)',
                 'volume': 'complete fused volumes (mapping_node)'}
        raise ConfigurationError(
            f'weights {name!r} are of the network {network.name!r}, made to '
            f'{words[network.answers]}, but here one is wanted to {words[answers]}: choose other '
            'weights or another node')
    code = network.estimator_class()
    if name.startswith(RANDOM_PREFIX):
        return code.with_random_weights(preset, **options)
    return code.from_bundle(name, **options)


class DummyEstimator:
    """
    A stand-in without weights: an empty room with a floor and a far wall.

    It lets one try topics, frames and viewers within seconds, and tests run without a network.
    """

    name = DUMMY
    device = 'cpu'
    frame_types: tuple[type[StereoFrame | RgbdFrame], ...] = (StereoFrame, RgbdFrame)

    def __init__(self) -> None:
        self.label_space = load_label_space('nyu12')
        self._viewers = SceneViewerCache()

    def place_box(self, T_world_camera: ArrayLike, heading: Heading = 'camera') -> BoxPlacement:
        """Place the box of NYUv2."""
        return place_rounded('nyu', T_world_camera, heading)

    def warm_up(self) -> None:
        """Nothing to warm up."""

    def __call__(self, frame: StereoFrame | RgbdFrame) -> SceneEstimate:
        """Return the same room for every frame."""
        started = perf_counter()
        box = frame.placement
        labels = np.zeros(box.grid.shape, np.uint8)
        labels[:, :, -2:] = self.label_space.names.index('wall')
        labels[:, 0, :] = self.label_space.names.index('floor')
        view = self._viewers.get(box, frame.camera).view(labels)
        return SceneEstimate(
            labels=labels, confidence=np.ones(labels.shape, np.float32), observed=view.visible,
            grid=box.grid, T_camera_voxel=box.T_camera_voxel, camera=frame.camera,
            label_space=self.label_space, image_labels=view.image_labels, depth_m=view.depth_m,
            stamp_ns=frame.stamp_ns, frame_id=frame.frame_id,
            stage_ms={'prepare': 0.0, 'network': 0.0,
                      'finish': (perf_counter() - started) * 1000})


class DummyImageEstimator:
    """A stand-in without weights: a level floor below the camera and a wall ahead of it."""

    name = DUMMY
    device = 'cpu'

    def __init__(self) -> None:
        self.label_space = load_label_space('nyu40')

    def warm_up(self) -> None:
        """Nothing to warm up."""

    def __call__(self, frame: RgbFrame) -> ImageEstimate:
        """Return the same corner for every frame."""
        started = perf_counter()
        camera = frame.camera
        slope = (np.arange(camera.height) - camera.cy) / camera.fy
        # The floor below the camera meets the wall ahead of it.
        row_depth_m = np.minimum(DUMMY_WALL_M, DUMMY_HEIGHT_M / np.maximum(slope, 1e-6))
        is_floor = row_depth_m < DUMMY_WALL_M
        row_labels = np.where(is_floor, *(
            self.label_space.names.index(name) for name in ('floor', 'wall')))
        labels = np.repeat(row_labels.astype(np.uint8)[:, None], camera.width, axis=1)
        depth_m = np.repeat(row_depth_m.astype(np.float32)[:, None], camera.width, axis=1)
        return ImageEstimate(
            image_labels=labels, confidence=np.ones(labels.shape, np.float32), depth_m=depth_m,
            camera=camera, label_space=self.label_space, stamp_ns=frame.stamp_ns,
            frame_id=frame.frame_id,
            stage_ms={'prepare': 0.0, 'network': 0.0,
                      'finish': (perf_counter() - started) * 1000})
