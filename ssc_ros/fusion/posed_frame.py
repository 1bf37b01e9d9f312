"""The value that readers of RGB-D sequences hand to the fusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera


@dataclass(frozen=True, slots=True, eq=False)
class PosedFrame:
    """
    A depth image, a colour image of nominally the same view, and where they were taken.

    Attributes:
        frame_id: what the frame is called in lists of frames.
        depth_m: (H, W) float32 along the optical axis, 0 = missing.
        rgb: (h, w, 3) uint8; may have another size than the depth image.
        depth_camera, color_camera: intrinsics of each.
        T_world_camera: (4, 4) pose of the optical frame (x right, y down, z forward) in a world
            whose z points up; not finite where tracking was lost.
        stamp_ns: time of exposure.
    """

    frame_id: str
    depth_m: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    depth_camera: PinholeCamera
    color_camera: PinholeCamera
    T_world_camera: NDArray[np.float64]
    stamp_ns: int = 0

    def __post_init__(self) -> None:
        if self.depth_m.shape != self.depth_camera.size:
            raise DataError(f'frame {self.frame_id}: depth is {self.depth_m.shape} but its camera '
                            f'is {self.depth_camera.size}')
        if self.rgb.dtype != np.uint8 or self.rgb.shape != (*self.color_camera.size, 3):
            raise DataError(f'frame {self.frame_id}: colour is {self.rgb.dtype} {self.rgb.shape}, '
                            f'expected uint8 RGB {(*self.color_camera.size, 3)}')

    @property
    def is_tracked(self) -> bool:
        """Whether the pose is usable."""
        return bool(np.isfinite(self.T_world_camera).all())
