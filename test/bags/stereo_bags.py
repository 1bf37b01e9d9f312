"""A tiny stereo bag, as the synthetic rooms are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssc_ros.bags import BagWriter, builders
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.transforms import level_camera_pose

FRAME_ID = 'stereo_left_optical_frame'
CAMERA = PinholeCamera(fx=60.0, fy=60.0, cx=31.5, cy=23.5, height=48, width=64)
RIG = StereoRig(CAMERA, CAMERA, 0.12)
POSE = level_camera_pose(height_m=1.3, pitch_rad=0.2)
START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 100_000_000
SHAPE = (60, 36, 60)


def frame_stamp(index: int) -> int:
    return START_NS + index * PERIOD_NS


def frame_images(index: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(index)
    left = random.integers(0, 255, (48, 64, 3), np.uint8)
    return left, np.roll(left, -3, axis=1)


def frame_truth(index: int) -> np.ndarray:
    truth = np.random.default_rng(100 + index).integers(0, 12, SHAPE).astype(np.uint8)
    truth[:5] = 255
    return truth


def frame_labels(index: int) -> np.ndarray:
    labels = np.random.default_rng(200 + index).integers(1, 12, (48, 64)).astype(np.uint8)
    labels[:5] = 255
    return labels


def write_frame(
    writer: BagWriter, index: int, *, compressed: bool = False, labelled: bool = False,
) -> None:
    stamp = frame_stamp(index)
    left, right = frame_images(index)
    left_info, right_info = builders.stereo_infos(
        RIG, stamp, (FRAME_ID, 'stereo_right_optical_frame'))
    writer.write('/stereo/left/camera_info', stamp, left_info)
    writer.write('/stereo/right/camera_info', stamp, right_info)
    writer.write('/odom', stamp, builders.odometry(POSE, stamp, FRAME_ID))
    writer.write('/ground_truth/voxels', stamp,
                 builders.label_volume(frame_truth(index), stamp, FRAME_ID))
    for side, pixels in (('left', left), ('right', right)):
        topic = f'/stereo/{side}/image_rect_color'
        if compressed:
            writer.write(f'{topic}/compressed', stamp,
                         builders.compressed_image(pixels, stamp, FRAME_ID, codec='png'))
        else:
            writer.write(topic, stamp, builders.image(pixels, stamp, FRAME_ID))
    if labelled:
        writer.write('/stereo/left/label_image', stamp,
                     builders.image(frame_labels(index), stamp, FRAME_ID))
    depth = np.full((48, 64), 2000, np.uint16)
    writer.write('/stereo/left/depth/image_raw', stamp, builders.image(depth, stamp, FRAME_ID))


def write_stereo_bag(
    path: Path, *, frames: int = 3, storage: str = 'mcap', compress: bool = False,
    compressed: bool = False, labelled: bool = False,
) -> Path:
    with BagWriter(path, storage=storage, compress=compress) as writer:
        for index in range(frames):
            write_frame(writer, index, compressed=compressed, labelled=labelled)
    return path
