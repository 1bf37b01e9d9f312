"""Frames to network inputs and network outputs to scene estimates, alike online and offline."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.image_fit import ImageFit, fit_camera
from ssc_ros.geometry.tsdf import DEFAULT_TSDF, SSCNET_TSDF, compute_tsdf
from ssc_ros.geometry.tsdf_array import subdivided
from ssc_ros.labels import IGNORE_ID
from ssc_ros.models.batches import as_tensor, to_device
from ssc_ros.models.execution import most_probable
from ssc_ros.models.imenet.config import MAX_ITERATIONS, ImenetConfig
from ssc_ros.models.imenet.inference import optimized
from ssc_ros.models.imenet.inputs import (
    ImenetInputs,
    ImenetOutput,
    Iteration,
    normalize_hha,
    normalize_image,
)
from ssc_ros.models.imenet.lookup import (
    ray_voxels,
    voxel_of_pixel,
    working_pixels,
)
from ssc_ros.models.imenet.network import ImenetNetwork
from ssc_ros.models.layers.projection import pixel_of_voxel_from
from ssc_ros.models.network_estimator import NetworkEstimator
from ssc_ros.models.rgbd_frames import (
    keep_nonfree,
    nonfree_voxels,
    require_depth,
    require_picture,
)

# Networks that a colour and a depth image are enough for.
CAMERA_IMAGE_NETWORKS = ('seg2dnet', 'lite0')


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFrame:
    """
    Network inputs of one frame.

    Attributes:
        inputs: a batch of one.
        fit: how the images of the configuration's size were made of those of the camera.
    """

    inputs: ImenetInputs
    fit: ImageFit


@dataclass(frozen=True, slots=True, eq=False)
class ImenetAnswer:
    """
    What the network says after its last iteration.

    Attributes:
        labels: (X, Y, Z) uint8, 0 = empty.
        confidence: same shape, float32 probability of the label, of free space as of any other.
        image_labels: (H, W) uint8 of the configuration's ``image_size``, never 0.
        image_confidence: same shape, float32 probability of the label among the classes.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    image_labels: NDArray[np.uint8]
    image_confidence: NDArray[np.float32]


def prepare_arrays(
    config: ImenetConfig, *, tsdf: ArrayLike | Tensor, voxels: NDArray[np.int32],
    rays: NDArray[np.int32] | None = None, rgb: NDArray[np.uint8] | None = None,
    hha: NDArray[np.uint8] | None = None, label_map: NDArray[np.uint8] | None = None,
) -> ImenetInputs:
    """
    Return the inputs of one frame whose volumes are known, as those of a data set are.

    Args:
        tsdf: of ``config.tsdf_shape``, or flat in C order; flipped where that is fine.
        voxels: (H, W) as ``lookup.voxel_of_pixel`` returns, of ``config.image_size``.
        rays: (ray_steps, h, w) as ``lookup.ray_voxels`` returns; for look-up ``march``.
        rgb, hha: (H, W, 3) image of that size; for configurations that read it.
        label_map: (H, W) map of that size; the same.

    Raises:
        DataError: a picture that the configuration reads is missing or of another size.
    """
    cells = as_tensor(tsdf).float().reshape(config.tsdf_shape)
    table = as_tensor(voxels)[None]
    pixels = pixel_of_voxel_from(table.long(), config.num_voxels)
    nonfree = nonfree_voxels(
        cells.cpu().numpy(), pixels[0].numpy(), subdivision=config.tsdf_subdivision,
        no_pixel=voxels.size)
    return ImenetInputs(
        voxel_of_pixel=table, nonfree=as_tensor(nonfree)[None], tsdf=cells[None, None],
        pixel_of_voxel=pixels, ray_voxels=None if rays is None else as_tensor(rays)[None],
        **_pictures(config, rgb, hha, label_map))


def _pictures(
    config: ImenetConfig, rgb: NDArray[np.uint8] | None, hha: NDArray[np.uint8] | None,
    label_map: NDArray[np.uint8] | None,
) -> dict[str, Tensor]:
    pictures: dict[str, Tensor] = {}
    if config.reads_image:
        image = require_picture(rgb, 'colour image', config)
        if config.image_network in ('seg2dnet', 'seg2dnet-rgbd', 'lite0'):
            pictures['image'] = normalize_image(_shrunk(image, config.work_size))
        if config.voxel_network == 'sketch':
            pictures['full_image'] = normalize_image(_channels_first(image))
    if config.image_network == 'seg2dnet-rgbd':
        encoding = require_picture(hha, 'HHA encoding of depth', config)
        pictures['hha'] = normalize_hha(_shrunk(encoding, config.work_size))
    if config.image_network == 'labels':
        labels = require_picture(label_map, 'label map', config)
        rows, columns = working_pixels(config.image_size, config.work_size)
        pictures['label_map'] = as_tensor(labels[np.ix_(rows, columns)])[None]
    return pictures


def _shrunk(image: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    return _channels_first(np.asarray(
        cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA), np.uint8))


def _channels_first(image: NDArray[np.uint8]) -> Tensor:
    return as_tensor(image)[None].permute(0, 3, 1, 2)


class FramePreparation:
    """
    Turns RGB-D frames of any camera into network inputs.

    Args:
        device: where the TSDF is computed.
    """

    def __init__(self, config: ImenetConfig, device: torch.device | str = 'cpu') -> None:
        self.config = config
        self._device = torch.device(device)

    def __call__(self, frame: StereoFrame | RgbdFrame) -> PreparedFrame:
        """
        Prepare one frame; its images are brought to ``config.image_size``, isotropically.

        Raises:
            DataError: it is no RGB-D frame, its grid is another one, or the configuration reads
                more than a camera gives.
        """
        frame = require_depth(frame, self.config)
        self._check_networks()
        config, placement = self.config, frame.placement
        fit = fit_camera(frame.camera, config.image_size)
        depth_m = fit.apply(frame.depth_m, nearest=True)
        rays = ray_voxels(
            depth_m, fit.camera, placement, work_size=config.work_size, steps=config.ray_steps,
        ) if config.has_dcp2d and config.proj_lookup == 'march' else None
        inputs = prepare_arrays(
            config, tsdf=self._tsdf(depth_m, fit, frame), rays=rays, rgb=fit.apply(frame.rgb),
            voxels=voxel_of_pixel(depth_m, fit.camera, placement))
        return PreparedFrame(inputs, fit)

    def _check_networks(self) -> None:
        config = self.config
        if config.image_network in CAMERA_IMAGE_NETWORKS and config.voxel_network != 'none':
            return
        raise DataError(
            f'configuration {config.name!r} (image_network {config.image_network!r}, '
            f'voxel_network {config.voxel_network!r}) reads labels or encodings that a camera '
            'does not give: use one that labels images and voxels by itself, e.g. small')

    def _tsdf(self, depth_m: NDArray[np.float32], fit: ImageFit, frame: RgbdFrame) -> Tensor:
        fine = self.config.tsdf_subdivision
        grid = frame.placement.grid
        volume = compute_tsdf(
            depth_m if self._device.type == 'cpu' else torch.tensor(depth_m, device=self._device),
            fit.camera, subdivided(grid, fine), frame.placement.T_camera_voxel,
            subdivision=4 // fine, settings=DEFAULT_TSDF if fine == 1 else SSCNET_TSDF)
        return as_tensor(volume.values)


class ImenetEstimator(NetworkEstimator[ImenetNetwork, PreparedFrame, ImenetAnswer]):
    """
    Runs an IMENet network on RGB-D frames: labels of voxels and of pixels, from one network.

    ``complete`` takes inputs of any origin, so that the frames of a data set, whose volumes are
    given, go the same way as those of a camera.

    Attributes:
        trained_iterations, max_iterations, iterations: see
            ``models.estimator.IterativeEstimator``.
    """

    network_name = 'imenet'
    network_class = ImenetNetwork
    export_obstacle = (
        'IMENet repeats its exchange of labels as often as `iterations` says, which may change '
        'while it runs, and a file holds a fixed number')

    def __init__(
        self, network: ImenetNetwork, *, name: str, device: str = 'auto', precision: str = 'auto',
    ) -> None:
        super().__init__(network, name=name, device=device, precision=precision)
        self.config = config = network.config
        can_refine = config.has_dcp2d or config.has_dda
        self.max_iterations = MAX_ITERATIONS if can_refine else 0
        self.trained_iterations = min(config.iterations, self.max_iterations)
        self.iterations = self.trained_iterations
        self._prepare = FramePreparation(config, self._execution.device)

    def settle(self, network: ImenetNetwork) -> nn.Module:
        """Rearrange the network for inference; it holds its weights in the number format."""
        return optimized(network, self._execution.dtype).to(self._execution.device)

    def prepare(self, frame: StereoFrame | RgbdFrame) -> PreparedFrame:
        """Return image, TSDF and the voxels of pixels."""
        return self._prepare(frame)

    def infer(self, prepared: PreparedFrame) -> ImenetAnswer:
        """Return labels of voxels and of pixels."""
        return self.complete(prepared.inputs)

    def complete(self, inputs: ImenetInputs) -> ImenetAnswer:
        """
        Return labels of voxels and of pixels; ends with the device in step.

        Args:
            inputs: of one frame, from a camera or from a data set (``prepare_arrays``).
        """
        inputs = to_device(inputs, self._execution.device)
        with torch.inference_mode():
            output: ImenetOutput = self._network(inputs, self.iterations)
            return read_answer(output.final, self.config.image_size)

    def conclude(
        self, frame: StereoFrame | RgbdFrame, prepared: PreparedFrame, answer: ImenetAnswer,
    ) -> SceneEstimate:
        """Bring the labelled image to the pixels of the camera, and tell what was observed."""
        assert isinstance(frame, RgbdFrame)  # prepare() takes no other
        size, fit = frame.camera.size, prepared.fit
        viewer = self._viewers.get(frame.placement, frame.camera)
        depth_m = np.nan_to_num(frame.depth_m, nan=0, posinf=0, neginf=0)
        observed = viewer.visible_up_to(depth_m) | _surface(prepared.inputs)
        labels, confidence = keep_nonfree(
            answer.labels, answer.confidence, observed=observed,
            nonfree=prepared.inputs.nonfree[0].cpu().numpy())
        return SceneEstimate(
            labels=labels, observed=observed, confidence=confidence,
            grid=frame.placement.grid, T_camera_voxel=frame.placement.T_camera_voxel,
            camera=frame.camera, label_space=self.label_space,
            image_labels=fit.undo(answer.image_labels, size, fill=IGNORE_ID, nearest=True),
            image_confidence=fit.undo(answer.image_confidence, size, fill=0.0, nearest=True),
            depth_m=frame.depth_m, is_depth_measured=True, stamp_ns=frame.stamp_ns,
            frame_id=frame.frame_id)


def read_answer(iteration: Iteration, image_size: tuple[int, int]) -> ImenetAnswer:
    """
    Return what the last iteration says of one frame, its image at ``image_size``.

    Scores of pixels are interpolated before the best one is taken.
    """
    f2d, f3d, labels3d = iteration.f2d, iteration.f3d, iteration.labels3d
    assert f2d is not None and f3d is not None and labels3d is not None  # of both networks
    voxel_scores, labels = f3d[0].float(), labels3d[0]
    chosen = voxel_scores.gather(0, labels[None].long())[0]
    pixel_scores = F.interpolate(f2d.float(), image_size, mode='bilinear', align_corners=False)
    classes, image_confidence = most_probable(pixel_scores[0, 1:])
    return ImenetAnswer(
        labels.cpu().numpy(), (chosen - voxel_scores.logsumexp(dim=0)).exp().cpu().numpy(),
        classes + np.uint8(1), image_confidence)


def _surface(inputs: ImenetInputs) -> NDArray[np.bool_]:
    """Return (X, Y, Z) whether a measured point lies in the voxel."""
    voxels = inputs.voxel_of_pixel.cpu().numpy()
    result = np.zeros(inputs.nonfree.shape[1:], np.bool_)
    result.reshape(-1)[voxels[voxels >= 0]] = True
    return result
