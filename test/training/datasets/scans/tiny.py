"""Scans of a few small frames, made of formulas."""

from __future__ import annotations

import numpy as np

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import level_camera_pose
from training.datasets.scans.frame import Scan, ScanFrame

CAMERA = PinholeCamera(30.0, 31.0, 15.2, 11.1, 24, 32)


class TinyScan(Scan):
    """A camera stepping sideways before a plane, with labels in stripes."""

    label_space = 'nyu12'

    def __init__(self, frames: int = 3, name: str = 'tiny') -> None:
        super().__init__(name, map(str, range(frames)))

    def pose(self, frame_id: str) -> np.ndarray:
        pose = level_camera_pose(height_m=1.3, pitch_rad=0.2)
        pose[0, 3] = 0.1 * int(frame_id)
        return pose

    def read(self, frame_id: str) -> ScanFrame:
        rows, columns = np.mgrid[:24, :32]
        depth = (1.5 + 0.01 * columns + 0.1 * int(frame_id)).astype(np.float32)
        depth[0, :4] = 0
        rgb = np.stack([rows * 8, columns * 6, np.full_like(rows, 90)], -1).astype(np.uint8)
        labels = (1 + columns // 4).astype(np.uint8)
        labels[-1] = 255
        return ScanFrame(frame_id, depth, rgb, CAMERA, CAMERA, self.pose(frame_id),
                         1_000_000_000 + int(frame_id) * 100_000_000, labels)
