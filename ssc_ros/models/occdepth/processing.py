"""Frames to network inputs and network outputs to scene estimates, alike online and offline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ssc_ros.errors import DataError, WeightsError
from ssc_ros.frames import RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.image_fit import ImageFit, fit_camera
from ssc_ros.geometry.placement import PLACEMENT_RULES, BoxPlacement, rounded_level_pose
from ssc_ros.geometry.raycasting import SceneViewerCache
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.inputs import (
    OccDepthInputs,
    OccDepthOutput,
    build_tables,
    to_device,
)
from ssc_ros.models.occdepth.network import OccDepthNetwork
from ssc_ros.models.occdepth.presets import load_preset
from ssc_ros.models.precision import resolve_device, resolve_precision
from ssc_ros.weights import find_bundle, load_state, read_bundle_config

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)

# The camera SemanticKITTI networks were trained with: focal length and principal point in pixels.
KITTI_FOCAL_PX = 718.856
KITTI_CENTER_PX = (607.1928, 185.2157)

WARM_UP_HEIGHT_M = 1.4


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFrame:
    """Network inputs of one frame, on the CPU: (1, V, 3, H, W) float32 images and tables."""

    images: Tensor
    inputs: OccDepthInputs


class FramePreparation:
    """
    Turns frames into network inputs; calibration tables are kept until calibration changes.

    Stereo configurations take a StereoFrame, virtual-stereo and monocular ones an RgbdFrame.
    """

    def __init__(self, config: OccDepthConfig) -> None:
        self.config = config
        self._key: object = None
        self._fit: ImageFit | None = None
        self._tables: OccDepthInputs | None = None

    def __call__(self, frame: StereoFrame | RgbdFrame) -> PreparedFrame:
        """
        Prepare one frame.

        Raises:
            DataError: the configuration takes another kind of frame.
        """
        images = self._views(frame)
        fit, tables = self._calibrated(frame)
        fitted = np.stack([fit.apply(image) for image in images])
        if isinstance(frame, RgbdFrame) and self.config.virtual_baseline_m is not None:
            depth = fit.apply(frame.depth_m, nearest=True)
            tables = tables._replace(depth_m=torch.from_numpy(depth.copy())[None, None])
        return PreparedFrame(normalized(torch.from_numpy(fitted))[None], tables)

    def _views(self, frame: StereoFrame | RgbdFrame) -> tuple[NDArray[np.uint8], ...]:
        if self.config.views == 2:
            if not isinstance(frame, StereoFrame):
                raise DataError(
                    f'configuration {self.config.name!r} completes stereo pairs but an RGB-D '
                    'frame came: use a virtual-stereo configuration (e.g. small-rgbd, n4)')
            return frame.left, frame.right
        return (frame.left if isinstance(frame, StereoFrame) else frame.rgb,)

    def _calibrated(self, frame: StereoFrame | RgbdFrame) -> tuple[ImageFit, OccDepthInputs]:
        rig = frame.rig if isinstance(frame, StereoFrame) else frame.camera
        key = (rig, frame.placement.grid, frame.placement.T_camera_voxel.tobytes())
        if key != self._key or self._fit is None or self._tables is None:
            self._fit = fit_to_network(frame.camera, self.config)
            self._tables = self._build_tables(frame, self._fit)
            self._key = key
        return self._fit, self._tables

    def _build_tables(self, frame: StereoFrame | RgbdFrame, fit: ImageFit) -> OccDepthInputs:
        placement = frame.placement
        if placement.grid.shape != self.config.grid_shape:
            raise DataError(
                f'the frame brings a {placement.grid.shape} grid but configuration '
                f'{self.config.name!r} completes {self.config.grid_shape}')
        cameras, transforms = [fit.camera], [placement.T_camera_voxel]
        if isinstance(frame, StereoFrame) and self.config.views == 2:
            cameras.append(_same_window(frame.rig.right, fit))
            transforms.append(frame.rig.T_right_left @ placement.T_camera_voxel)
        return build_tables(self.config, placement.grid, transforms, cameras)


def fit_to_network(camera: PinholeCamera, config: OccDepthConfig) -> ImageFit:
    """Plan how images reach the network's size; outdoor networks also expect one focal length."""
    if config.placement == 'kitti':
        return fit_camera(
            camera, config.image_size, focal_px=KITTI_FOCAL_PX, center=KITTI_CENTER_PX)
    return fit_camera(camera, config.image_size)


def _same_window(right: PinholeCamera, fit: ImageFit) -> PinholeCamera:
    """Cut the right image like the left one, so that rows stay aligned."""
    scaled = right.resized(*fit.scaled.size)
    height, width = fit.camera.size
    return scaled.cropped(top=fit.top, left=fit.left, height=height, width=width)


def normalized(images: Tensor) -> Tensor:
    """
    Return network-ready (V, 3, H, W) float32 images of (V, H, W, 3) uint8 RGB.

    Scaled to 0..1, minus the ImageNet mean, divided by its standard deviation.
    """
    scale = 1.0 / (255.0 * torch.tensor(IMAGE_STD))
    offset = torch.tensor(IMAGE_MEAN) / torch.tensor(IMAGE_STD)
    return (images.float() * scale - offset).permute(0, 3, 1, 2)


def _channels_last(network: OccDepthNetwork) -> OccDepthNetwork:
    """Lay the convolution weights out as the fast CPU and GPU kernels want them."""
    for parameter in network.parameters():
        if parameter.dim() in (4, 5):
            layout = torch.channels_last if parameter.dim() == 4 else torch.channels_last_3d
            parameter.data = parameter.data.contiguous(memory_format=layout)
    return network


class OccDepthEstimator:
    """
    Runs an OccDepth network on frames (see ``models.estimator.Estimator``).

    A stereo pair alone measures nothing: its ``observed`` voxels are those the camera sees of the
    estimate itself. With a depth image they are the voxels that measured rays crossed.
    """

    def __init__(
        self, network: OccDepthNetwork, *, name: str, device: str = 'auto',
        precision: str = 'auto',
    ) -> None:
        self.name = name
        self.config = network.config
        self.label_space = load_label_space(self.config.label_space)
        self._device = resolve_device(device)
        self.device = str(self._device)
        self._dtype = resolve_precision(precision, self._device)
        self._network = _channels_last(network.eval().to(self._device))
        self._prepare = FramePreparation(self.config)
        self._viewers = SceneViewerCache()

    @classmethod
    def from_bundle(
        cls, name_or_path: str | Path, *, device: str = 'auto', precision: str = 'auto',
    ) -> OccDepthEstimator:
        """
        Load a weights bundle.

        Raises:
            WeightsError: missing, corrupt, or its tensors do not fit its configuration.
        """
        bundle = find_bundle(name_or_path)
        network = OccDepthNetwork(OccDepthConfig.from_dict(read_bundle_config(bundle)['config']))
        try:
            network.load_state_dict(load_state(bundle))
        except RuntimeError as error:
            raise WeightsError(
                f'the tensors of {bundle} do not fit its config.json: {error}; export the bundle '
                'again from its checkpoint') from error
        return cls(network, name=str(name_or_path), device=device, precision=precision)

    @classmethod
    def with_random_weights(
        cls, preset: str, *, device: str = 'auto', precision: str = 'auto', seed: int = 0,
    ) -> OccDepthEstimator:
        """Build a preset with seeded random weights: right shapes and cost, meaningless labels."""
        config = load_preset(preset)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = OccDepthNetwork(config)
        return cls(network, name=f'random:{preset}', device=device, precision=precision)

    def place_box(self, T_world_camera: ArrayLike) -> BoxPlacement:
        """Put the configuration's voxel box in front of the camera."""
        return PLACEMENT_RULES[self.config.placement](rounded_level_pose(T_world_camera))

    def warm_up(self) -> None:
        """Run one black frame."""
        height, width = self.config.image_size
        camera = PinholeCamera(
            0.8 * width, 0.8 * width, (width - 1) / 2, (height - 1) / 2, height, width)
        placement = self.place_box(level_camera_pose(height_m=WARM_UP_HEIGHT_M))
        black = np.zeros((height, width, 3), np.uint8)
        if self.config.views == 2:
            self(StereoFrame(black, black, StereoRig(camera, camera, 0.12), placement))
        else:
            depth = np.full((height, width), 2.0, np.float32)
            self(RgbdFrame(black, depth, camera, placement))

    def __call__(self, frame: StereoFrame | RgbdFrame) -> SceneEstimate:
        """Estimate the scene of one frame."""
        started = perf_counter()
        prepared = self._prepare(frame)
        prepared_at = perf_counter()
        labels, confidence = self._infer(prepared)
        inferred_at = perf_counter()
        estimate = self._finish(frame, labels, confidence)
        return replace(estimate, stage_ms={
            'prepare': (prepared_at - started) * 1000,
            'network': (inferred_at - prepared_at) * 1000,
            'finish': (perf_counter() - inferred_at) * 1000})

    @torch.inference_mode()
    def _infer(self, prepared: PreparedFrame) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return labels and their probability in grid shape; ends with the device in step."""
        images = prepared.images.to(self._device, non_blocking=True)
        inputs = to_device(prepared.inputs, self._device)
        with torch.autocast(
            self._device.type, dtype=self._dtype, enabled=self._dtype != torch.float32,
        ):
            output: OccDepthOutput = self._network(images, inputs)
        logits = output.ssc_logits[0].float()
        best, labels = logits.max(dim=0)
        confidence = (best - logits.logsumexp(dim=0)).exp()
        return labels.to(torch.uint8).cpu().numpy(), confidence.cpu().numpy()

    def _finish(
        self, frame: StereoFrame | RgbdFrame, labels: NDArray[np.uint8],
        confidence: NDArray[np.float32],
    ) -> SceneEstimate:
        viewer = self._viewers.get(frame.placement, frame.camera)
        view = viewer.view(labels)
        observed, depth, is_measured = view.visible, view.depth_m, False
        if isinstance(frame, RgbdFrame):
            observed, depth = viewer.visible_up_to(frame.depth_m), frame.depth_m
            is_measured = True
        return SceneEstimate(
            labels=labels, confidence=confidence, observed=observed, grid=frame.placement.grid,
            T_camera_voxel=frame.placement.T_camera_voxel, camera=frame.camera,
            label_space=self.label_space, image_labels=view.image_labels, depth_m=depth,
            is_depth_measured=is_measured, stamp_ns=frame.stamp_ns, frame_id=frame.frame_id)
