"""A recorded frame, and the arrays it is stored as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.labels import LabelSpace


@dataclass(frozen=True, slots=True, eq=False)
class RecordedFrame:
    """
    What a person looks at: an estimate, the images it came from and the truth where known.

    Attributes:
        image: (H, W, 3) uint8 RGB of the estimate's camera; None when it was not recorded.
        right: the other eye of a stereo pair.
        ground_truth: label volume of the estimate's grid, 255 = unknown.
    """

    estimate: SceneEstimate
    image: NDArray[np.uint8] | None = None
    right: NDArray[np.uint8] | None = None
    ground_truth: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        truth, shape = self.ground_truth, self.estimate.grid.shape
        if truth is not None and truth.shape != shape:
            raise DataError(f'ground truth is {truth.shape} but the estimate is {shape}')

    @classmethod
    def of(
        cls, estimate: SceneEstimate, frame: StereoFrame | RgbdFrame | None,
        ground_truth: NDArray[np.uint8] | None = None,
    ) -> RecordedFrame:
        """Combine an estimate with the frame it was made from."""
        if isinstance(frame, StereoFrame):
            return cls(estimate, frame.left, frame.right, ground_truth)
        return cls(estimate, None if frame is None else frame.rgb, None, ground_truth)


def to_arrays(recorded: RecordedFrame) -> dict[str, Any]:
    """Return the arrays of an npz file; images as PNG, depth in millimetres."""
    estimate, camera, grid = recorded.estimate, recorded.estimate.camera, recorded.estimate.grid
    arrays: dict[str, Any] = {
        'stamp_ns': np.int64(estimate.stamp_ns),
        'frame_id': np.str_(estimate.frame_id),
        'labels': estimate.labels,
        'confidence': estimate.confidence.astype(np.float16),
        'observed': np.packbits(estimate.observed),
        'grid_origin_m': np.array(grid.origin_m), 'voxel_size_m': np.float64(grid.voxel_size_m),
        'axis_order': np.str_(grid.axis_order),
        'T_camera_voxel': estimate.T_camera_voxel,
        'camera': np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
        'camera_size': np.array(camera.size),
        'is_depth_measured': np.bool_(estimate.is_depth_measured),
        'stage_ms': np.str_(json.dumps(dict(estimate.stage_ms)))}
    for name, image in (('image', recorded.image), ('right', recorded.right)):
        if image is not None:
            arrays[name] = _encode_png(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if estimate.image_labels is not None:
        arrays['image_labels'] = _encode_png(estimate.image_labels)
    if estimate.depth_m is not None:
        millimetres = np.nan_to_num(estimate.depth_m * 1000.0, posinf=0.0, neginf=0.0)
        arrays['depth_mm'] = _encode_png(np.clip(millimetres + 0.5, 0, 65535).astype(np.uint16))
    if recorded.ground_truth is not None:
        arrays['ground_truth'] = recorded.ground_truth
    return arrays


def from_arrays(arrays: Mapping[str, Any], label_space: LabelSpace) -> RecordedFrame:
    """
    Rebuild a frame from the arrays of its file.

    Raises:
        KeyError, ValueError: an array is missing or does not fit.
    """
    labels = arrays['labels']
    x, y, z = (float(value) for value in arrays['grid_origin_m'])
    grid = VoxelGrid((x, y, z), float(arrays['voxel_size_m']), labels.shape,
                     'xzy' if str(arrays['axis_order']) == 'xzy' else 'xyz')
    fx, fy, cx, cy = (float(value) for value in arrays['camera'])
    height, width = (int(value) for value in arrays['camera_size'])
    depth_mm = _decode_png(arrays, 'depth_mm')
    estimate = SceneEstimate(
        labels=labels,
        confidence=arrays['confidence'].astype(np.float32),
        observed=np.unpackbits(arrays['observed'], count=labels.size).reshape(
            labels.shape).astype(bool),
        grid=grid,
        T_camera_voxel=arrays['T_camera_voxel'],
        camera=PinholeCamera(fx, fy, cx, cy, height, width),
        label_space=label_space,
        image_labels=_decode_png(arrays, 'image_labels'),
        depth_m=None if depth_mm is None else (depth_mm / np.float32(1000)).astype(np.float32),
        is_depth_measured=bool(arrays['is_depth_measured']),
        stamp_ns=int(arrays['stamp_ns']),
        frame_id=str(arrays['frame_id']),
        stage_ms=json.loads(str(arrays['stage_ms'])))
    images = (_decode_png(arrays, name) for name in ('image', 'right'))
    image, right = (
        None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8)
        for bgr in images)
    return RecordedFrame(estimate, image, right, arrays.get('ground_truth'))


def _encode_png(image: NDArray[Any]) -> NDArray[np.uint8]:
    _, data = cv2.imencode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return np.asarray(data, np.uint8).reshape(-1)


def _decode_png(arrays: Mapping[str, Any], name: str) -> Any:
    if name not in arrays:
        return None
    image = cv2.imdecode(arrays[name], cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f'{name} is not a PNG image')
    return image
