"""The values that cross rooms: what goes into an estimator and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.labels import LabelSpace


def _check_image(image: NDArray[np.uint8], camera: PinholeCamera, name: str) -> None:
    if image.dtype != np.uint8 or image.shape != (*camera.size, 3):
        raise DataError(
            f'{name} image is {image.dtype} {image.shape}, expected uint8 RGB '
            f'{(*camera.size, 3)} as its calibration says')


def _check_depth(depth_m: NDArray[np.float32], camera: PinholeCamera) -> None:
    if depth_m.shape != camera.size:
        raise DataError(
            f'depth image is {depth_m.shape}, the colour image {camera.size}: '
            'depth must be registered to colour (same size and frame)')


@dataclass(frozen=True, slots=True, eq=False)
class StereoFrame:
    """
    One rectified stereo pair.

    Attributes:
        left, right: (H, W, 3) uint8 RGB.
        placement: voxel box and T_camera_voxel of the left optical frame.
        stamp_ns: exposure time of the left image.
        frame_id: name of the left optical frame.
    """

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    rig: StereoRig
    placement: BoxPlacement
    stamp_ns: int = 0
    frame_id: str = ''

    def __post_init__(self) -> None:
        _check_image(self.left, self.rig.left, 'left')
        _check_image(self.right, self.rig.right, 'right')

    @property
    def camera(self) -> PinholeCamera:
        """The camera in whose frame the estimate is given."""
        return self.rig.left


@dataclass(frozen=True, slots=True, eq=False)
class RgbdFrame:
    """
    A colour image with registered depth.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth_m: (H, W) float32 along the optical axis, 0 = missing (REP-118).
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    camera: PinholeCamera
    placement: BoxPlacement
    stamp_ns: int = 0
    frame_id: str = ''

    def __post_init__(self) -> None:
        _check_image(self.rgb, self.camera, 'rgb')
        _check_depth(self.depth_m, self.camera)


@dataclass(frozen=True, slots=True, eq=False)
class RgbFrame:
    """
    A colour image.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth_m: (H, W) float32 measured along the optical axis, 0 = missing (REP-118); not an
            input of the network, the points of its labels may be made of it.
    """

    rgb: NDArray[np.uint8]
    camera: PinholeCamera
    depth_m: NDArray[np.float32] | None = None
    stamp_ns: int = 0
    frame_id: str = ''

    def __post_init__(self) -> None:
        _check_image(self.rgb, self.camera, 'rgb')
        if self.depth_m is not None:
            _check_depth(self.depth_m, self.camera)


@dataclass(frozen=True, slots=True, eq=False)
class ImageEstimate:
    """
    A labelled image.

    Attributes:
        image_labels: (H, W) uint8 class of every pixel, 255 = none.
        confidence: (H, W) float32 probability of the label, 0 where there is none.
        depth_m: (H, W) float32 depth, 0 = missing; None of a network that tells none.
        is_depth_measured: depth_m comes from a sensor, not from the network.
        stage_ms: duration of each processing stage.
    """

    image_labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    depth_m: NDArray[np.float32] | None
    camera: PinholeCamera
    label_space: LabelSpace
    is_depth_measured: bool = False
    stamp_ns: int = 0
    frame_id: str = ''
    stage_ms: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ('image_labels', 'confidence', 'depth_m'):
            values = getattr(self, name)
            if values is not None and values.shape != self.camera.size:
                raise DataError(
                    f'{name} is {values.shape} but the camera is {self.camera.size}')


@dataclass(frozen=True, slots=True, eq=False)
class SceneEstimate:
    """
    A completed, labelled scene.

    Attributes:
        labels: (X, Y, Z) uint8 in the array order of ``grid``; 0 = empty.
        confidence: same shape, float32 probability of the label; 0 = not known at all.
        observed: same shape, bool: a measured ray ended in or passed through the voxel. All
            others are completed (inferred).
        grid, T_camera_voxel: the box and the transform of its frame into the optical frame.
        image_labels: (H, W) uint8 label of the first matter seen through each pixel, 255 = none;
            of networks that label images too, their own answer.
        image_confidence: (H, W) float32 probability of these labels, 0 where there is none; None
            where they are only rendered from the voxels.
        depth_m: (H, W) float32 depth of the pixels, 0 = none.
        is_depth_measured: depth_m comes from a sensor, not from the network.
        stage_ms: duration of each processing stage.
    """

    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    observed: NDArray[np.bool_]
    grid: VoxelGrid
    T_camera_voxel: NDArray[np.float64]
    camera: PinholeCamera
    label_space: LabelSpace
    image_labels: NDArray[np.uint8] | None = None
    image_confidence: NDArray[np.float32] | None = None
    depth_m: NDArray[np.float32] | None = None
    is_depth_measured: bool = False
    stamp_ns: int = 0
    frame_id: str = ''
    stage_ms: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ('labels', 'confidence', 'observed'):
            shape = getattr(self, name).shape
            if shape != self.grid.shape:
                raise DataError(f'{name} is {shape} but the grid is {self.grid.shape}')
        certainty = self.image_confidence
        if certainty is not None and certainty.shape != self.camera.size:
            raise DataError(
                f'image_confidence is {certainty.shape} but the camera is {self.camera.size}')
