"""Write a scan as a rosbag2 bag: colour, registered depth, calibration and camera poses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssc_ros.bags import BagWriter, builders
from ssc_ros.bags.typestore import build
from ssc_ros.errors import DataError
from ssc_ros.fusion.association import depth_points
from ssc_ros.geometry.transforms import transform_points
from ssc_ros.messages.compressed_depth import compressed_depth_bytes

from .frame import Scan, ScanFrame

FRAME_ID = 'camera_optical_frame'
NAMESPACE = '/stereo/left'
FIRST_STAMP_NS = 1_000_000_000
# The floor is where the lowest points are, but for a few stray ones.
_FLOOR_PERCENTILE = 1.0


@dataclass(frozen=True, slots=True)
class ScanBagOptions:
    """
    How a bag is written.

    Attributes:
        rate_hz: of the frames.
        jpeg_quality: of the colour images; depth is kept to the millimetre.
        levels_floor: lets the poses stand above a floor at z = 0, which scans of real rooms
            do not say the height of.
    """

    rate_hz: float = 2.0
    jpeg_quality: int = 90
    levels_floor: bool = False

    def __post_init__(self) -> None:
        if not self.rate_hz > 0:
            raise DataError(f'frame rate {self.rate_hz} must be positive')


def write_scan_bag(path: Path | str, scan: Scan, options: ScanBagOptions | None = None) -> int:
    """
    Write all tracked frames and return their number.

    Raises:
        DataError: something is at the path already, or depth is not registered to colour.
    """
    options = options or ScanBagOptions()
    floor_z_m = floor_height_m(scan) if options.levels_floor else 0.0
    count = 0
    with BagWriter(path, compress=True) as writer:
        for frame in scan:
            if frame.is_tracked:
                stamp_ns = FIRST_STAMP_NS + round(count * 1e9 / options.rate_hz)
                _write(writer, frame, stamp_ns, floor_z_m, options.jpeg_quality)
                count += 1
    return count


def floor_height_m(scan: Scan) -> float:
    """Return the height of the floor that the frames of a scan show."""
    heights = [transform_points(frame.T_world_camera, depth_points(frame))[::16, 2]
               for frame in scan if frame.is_tracked]
    return float(np.percentile(np.concatenate(heights), _FLOOR_PERCENTILE))


def _write(
    writer: BagWriter, frame: ScanFrame, stamp_ns: int, floor_z_m: float, quality: int,
) -> None:
    if frame.depth_camera != frame.color_camera:
        raise DataError(f'frame {frame.frame_id}: depth is not registered to colour, which a '
                        'node needs')
    pose = frame.T_world_camera.copy()
    pose[2, 3] -= floor_z_m
    depth_mm = np.rint(frame.depth_m * 1000).clip(0, 65535).astype(np.uint16)
    depth = build(
        'sensor_msgs/CompressedImage', header=builders.header(stamp_ns, FRAME_ID),
        format='16UC1; compressedDepth png',
        data=np.frombuffer(compressed_depth_bytes(depth_mm), np.uint8))
    for topic, message in (
            ('/odom', builders.odometry(pose, stamp_ns, FRAME_ID)),
            (f'{NAMESPACE}/camera_info',
             builders.camera_info(frame.color_camera, stamp_ns, FRAME_ID)),
            (f'{NAMESPACE}/image_rect_color/compressed',
             builders.compressed_image(frame.rgb, stamp_ns, FRAME_ID, quality=quality)),
            (f'{NAMESPACE}/depth/image_raw/compressedDepth', depth)):
        writer.write(topic, stamp_ns, message)
