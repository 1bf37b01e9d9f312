"""Good messages of a tiny RGB-D camera, and a network that answers at once."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np

SIZE = HEIGHT, WIDTH = 12, 16
FRAME_ID = 'camera_optical_frame'
COLORS = ('rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', 'mono16')
DEPTHS = ('16UC1', '32FC1')
# What may become of images, however broken.
REASONS = {
    'bad_message', 'bad_image', 'bad_calibration', 'no_pose', 'zero_stamp', 'bad_stamp',
    'no_frame', 'no_stamp', 'duplicate', 'late', 'unmatched', 'superseded', 'overflow', 'expired',
    'reset'}


def _camera():
    from ssc_ros.geometry.cameras import PinholeCamera

    return PinholeCamera(15.0, 15.0, 7.5, 5.5, HEIGHT, WIDTH)


CAMERA = _camera()


def header():
    from ssc_ros.messages.headers import make_header

    return make_header(10**12, FRAME_ID)


def good_info(**changes):
    from ssc_ros.geometry.calibration import CameraCalibration
    from ssc_ros.messages.camera_info import encode_camera_info

    matrix = CAMERA.matrix
    values = {'D': np.array([0.01, 0.001, 0, 0, 0]), 'R': np.eye(3), **changes}
    return encode_camera_info(CameraCalibration(
        width=WIDTH, height=HEIGHT, K=matrix, P=np.hstack([matrix, np.zeros((3, 1))]), **values),
        header())


def good_color(*, compressed=False):
    from ssc_ros.messages.compressed import encode_compressed_image
    from ssc_ros.messages.images import encode_image

    pixels = np.full((*SIZE, 3), 90, np.uint8)
    if compressed:
        return encode_compressed_image(pixels, header(), codec='png')
    return encode_image(pixels, 'rgb8', header())


def good_depth(*, compressed=False):
    from ssc_ros.messages.compressed_depth import encode_compressed_depth
    from ssc_ros.messages.images import encode_image

    millimetres = np.full(SIZE, 2000, np.uint16)
    if compressed:
        return encode_compressed_depth(millimetres, header())
    return encode_image(millimetres, '16UC1', header())


def image_samples(encodings):
    from ssc_ros.messages.images import ENCODINGS, encode_image

    rng = np.random.default_rng(1)
    samples = []
    for encoding in encodings:
        kind = ENCODINGS[encoding]
        shape = SIZE if kind.channels == 1 else (*SIZE, kind.channels)
        pixels = (rng.random(shape) * 200).astype(kind.dtype)
        samples.append(encode_image(pixels, encoding, header()))
    return samples


def compressed_samples():
    from ssc_ros.messages.compressed import encode_compressed_image

    pixels = np.random.default_rng(1).integers(0, 255, (*SIZE, 3), np.uint8)
    return [encode_compressed_image(pixels, header(), codec=codec) for codec in ('jpeg', 'png')]


def compressed_depth_samples():
    from ssc_ros.messages.compressed_depth import encode_compressed_depth

    millimetres = np.random.default_rng(1).integers(500, 9000, SIZE).astype(np.uint16)
    samples = [encode_compressed_depth(millimetres, header()),
               encode_compressed_depth((millimetres / 1000).astype(np.float32), header())]
    # A run of zeros, then of differences, each in nibbles of three bits.
    stream = struct.pack('<II', WIDTH, HEIGHT) + struct.pack('<I', 0x8B0B3000) + bytes(200)
    rvl = encode_compressed_depth(millimetres, header())
    rvl.format = '16UC1; compressedDepth rvl'
    rvl.data = struct.pack('<iff', 0, 0.0, 0.0) + stream
    return [*samples, rvl]


def info_samples():
    return [good_info(), good_info(D=np.zeros(8), distortion_model='rational_polynomial'),
            good_info(D=np.zeros(4), distortion_model='equidistant'),
            good_info(R=np.zeros((3, 3)))]


def odometry_samples():
    from ssc_ros.messages.odometry import encode_odometry

    transform = np.array([[0, 0, 1, 1], [-1, 0, 0, 2], [0, -1, 0, 1.2], [0, 0, 0, 1.0]])
    return [encode_odometry(transform, header(), FRAME_ID)]


def quick_estimator():
    """Return an estimator that checks its frames and gives one answer to all."""
    from ssc_ros.models.estimator import DummyEstimator

    class Quick(DummyEstimator):
        estimate = None

        def __call__(self, frame):
            from rclpy.serialization import serialize_message

            from ssc_ros.messages.headers import make_header

            # Whatever was let in must be fit to be sent on.
            serialize_message(make_header(frame.stamp_ns, frame.frame_id))
            assert frame.depth_m.dtype == np.float32 and np.isfinite(frame.depth_m).all()
            assert np.isfinite(frame.placement.T_camera_voxel).all()
            self.estimate = self.estimate or super().__call__(replace(frame, camera=CAMERA))
            return self.estimate

    return Quick()
