"""Views that a chunk learns from: chosen from its list, brought to the size of renderings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.labels import IGNORE_ID

from .frame import Matrix, ScanFrame

RENDER_SIZE = (256, 320)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingView:
    """
    What the renderer's images are compared with.

    Attributes:
        depth_m: (H, W) float32, 0 = missing.
        rgb: (H, W, 3) uint8.
        labels: (H, W) uint8, 255 = none; None where the frame has none.
    """

    depth_m: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None
    camera: PinholeCamera
    T_world_camera: Matrix


def choose_views(
    frame_ids: Sequence[str], count: int, rng: np.random.Generator,
) -> tuple[str, ...]:
    """Return up to count different frames of a chunk's list, in random order."""
    order = rng.permutation(len(frame_ids))[:count]
    return tuple(frame_ids[index] for index in order)


def training_view(
    frame: ScanFrame, size: tuple[int, int] = RENDER_SIZE, *,
    labels: NDArray[np.uint8] | None = None, exact_crop: bool = True,
) -> TrainingView:
    """
    Resize a frame to the nearest pixels so that its height fits, and crop its width.

    Both images follow the calibration of depth: what they show is nominally registered. A frame
    narrower than the size is padded with missing depth and unlabelled black.

    Args:
        size: (height, width) of the view.
        labels: (h, w) classes of the colour pixels to use instead of the frame's own.
        exact_crop: False moves the principal point as SPSG's loader does, which takes the crop
            for a change of scale (Dai et al., CVPR 2021).
    """
    height, width = size
    own = frame.labels if labels is None else labels
    if own is not None and own.shape != frame.color_camera.size:
        raise DataError(f'labels of frame {frame.frame_id} are {own.shape}, its image '
                        f'{frame.color_camera.size}: they must belong to the same image')
    camera = frame.depth_camera
    resized_width = int(height * camera.width / camera.height)
    left = (resized_width - width) // 2
    if exact_crop:
        scaled = camera.resized(height, resized_width)
        view_camera = scaled.cropped(top=0, left=left, height=height, width=width)
    else:
        view_camera = PinholeCamera(
            camera.fx * resized_width / camera.width, camera.fy * height / camera.height,
            camera.cx * (width - 1) / (camera.width - 1),
            camera.cy * (height - 1) / (camera.height - 1), height, width)
    return TrainingView(
        _fitted(frame.depth_m, (height, resized_width), left, width, 0),
        _fitted(frame.rgb, (height, resized_width), left, width, 0),
        None if own is None else _fitted(own, (height, resized_width), left, width, IGNORE_ID),
        view_camera, frame.T_world_camera)


def _fitted(
    image: NDArray[Any], resized: tuple[int, int], left: int, width: int, outside: int,
) -> NDArray[Any]:
    """Take the pixels of a view out of an image of any size."""
    rows, columns = (
        np.minimum(((np.arange(wanted) + 0.5) * given / wanted).astype(int), given - 1)
        for wanted, given in zip(resized, image.shape, strict=False))
    place = np.arange(width) + left
    is_inside = (place >= 0) & (place < resized[1])
    view = image[rows[:, None], columns[np.clip(place, 0, resized[1] - 1)]]
    view[:, ~is_inside] = outside
    return view
