"""Frames to network inputs and network outputs to scene estimates, alike online and offline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.image_fit import ImageFit, fit_camera
from ssc_ros.models.backends import ExportedOutput
from ssc_ros.models.batches import to_device
from ssc_ros.models.execution import most_probable
from ssc_ros.models.network_estimator import LabelVolume, NetworkEstimator
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.inputs import OccDepthInputs, OccDepthOutput, build_tables
from ssc_ros.models.occdepth.network import OccDepthNetwork

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)

# The camera SemanticKITTI networks were trained with: focal length and principal point in pixels.
KITTI_FOCAL_PX = 718.856
KITTI_CENTER_PX = (607.1928, 185.2157)


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


def _frame_types(config: OccDepthConfig) -> tuple[type[StereoFrame | RgbdFrame], ...]:
    """Return the frames that a configuration takes; one without depth takes any left image."""
    if config.views == 2:
        return (StereoFrame,)
    return (StereoFrame, RgbdFrame) if config.virtual_baseline_m is None else (RgbdFrame,)


class OccDepthEstimator(NetworkEstimator[OccDepthNetwork, PreparedFrame, LabelVolume]):
    """
    Runs an OccDepth network on frames.

    A stereo pair alone measures nothing: its ``observed`` voxels are those the camera sees of the
    estimate itself. With a depth image they are the voxels that measured rays crossed.
    """

    network_name = 'occdepth'
    network_class = OccDepthNetwork
    exports = ExportedOutput(OccDepthOutput, ('ssc_logits',))

    def __init__(
        self, network: OccDepthNetwork, *, name: str, device: str = 'auto',
        precision: str = 'auto',
    ) -> None:
        super().__init__(network, name=name, device=device, precision=precision)
        self.config = network.config
        self.frame_types = _frame_types(self.config)
        self._prepare = FramePreparation(self.config)

    def prepare(self, frame: StereoFrame | RgbdFrame) -> PreparedFrame:
        """Return images and calibration tables."""
        return self._prepare(frame)

    def infer(self, prepared: PreparedFrame) -> LabelVolume:
        """Return labels and their probability in grid shape; ends with the device in step."""
        device = self._execution.device
        with self._execution.inferring():
            images = prepared.images.to(device, non_blocking=True)
            output: OccDepthOutput = self._network(images, to_device(prepared.inputs, device))
            return most_probable(output.ssc_logits[0])

    def conclude(
        self, frame: StereoFrame | RgbdFrame, prepared: PreparedFrame, answer: LabelVolume,
    ) -> SceneEstimate:
        """Render the labels as the camera sees them, and tell what was observed."""
        labels, confidence = answer
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
