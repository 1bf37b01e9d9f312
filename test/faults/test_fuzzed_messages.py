"""
Whatever arrives becomes a frame or a counted refusal with a reason; nothing else happens.

20,000 messages of every kind; SSC_ROS_FUZZ=1000000 takes a night.
"""

from __future__ import annotations

import importlib.util
import os
import struct
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# Some ten seconds each where nothing else runs.
pytestmark = [pytest.mark.ros, pytest.mark.timeout(1500)]

DAMAGED = int(os.environ.get('SSC_ROS_FUZZ', '18000'))
STRUCTURED = int(os.environ.get('SSC_ROS_FUZZ_STRUCTURED', '2000'))
SIZE = HEIGHT, WIDTH = 12, 16
FRAME_ID = 'camera_optical_frame'
LONGEST_S = 10.0
REASONS = {
    'bad_message', 'bad_image', 'bad_calibration', 'no_pose', 'zero_stamp', 'bad_stamp',
    'no_frame', 'no_stamp', 'duplicate', 'late', 'unmatched', 'superseded', 'overflow', 'expired',
    'reset'}

_spec = importlib.util.spec_from_file_location(
    'fuzzing', Path(__file__).parent / 'fuzzing.py')
fuzzing = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fuzzing)


class InlineWorker:
    """Processes at once, in the thread of the test."""

    is_stopping = False

    def __init__(self, process, discard):
        self.put = process

    def stop(self):
        return True


class Target:
    """An active RGB-D node without executor and middleware, whose callbacks are called here."""

    def __init__(self, parameters):
        from rclpy.parameter import Parameter

        from ssc_ros.models.estimator import DummyEstimator
        from ssc_ros.nodes.reporting import ThrottledReporter
        from ssc_ros.nodes.rgbd_node import RgbdNode

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

        values = {'autostart': False, **parameters}
        self.node = RgbdNode(load=lambda *_, **__: Quick(), parameter_overrides=[
            Parameter(name, value=value) for name, value in values.items()])
        self.complaints = []
        self.node.reporter = ThrottledReporter(self.complaints.append, period_s=0.0)
        assert self.node.trigger_configure() and self.node.trigger_activate()
        assert self.node.state == 'active', self.node.last_error
        self.slowest_s = 0.0
        self.fed = 0
        self.receive_info(good_info())

    @property
    def flow(self):
        return self.node._flow

    def receive_info(self, message):
        self.flow._inputs['rgb'].calibration.receive(message)

    def receive_odometry(self, message):
        self.flow._handler._pose_source._receive(message)

    def receive(self, name, message):
        started = time.perf_counter()
        self.flow._receive(name, message)
        self.slowest_s = max(self.slowest_s, time.perf_counter() - started)

    def feed_image(self, name, message):
        """Receive a broken image with a good partner of the same time."""
        self.fed += 1
        partner = good_depth() if name == 'rgb' else good_color(self.node)
        partner.header.stamp = message.header.stamp
        self.receive(name, message)
        self.receive('depth' if name == 'rgb' else 'rgb', partner)

    def feed_info(self, message):
        self.fed += 1
        self.receive_info(message)
        self.receive_good_pair(*divmod(10**12 + self.fed * 50_000_000, 10**9))

    def feed_odometry(self, message):
        self.fed += 1
        self.receive_odometry(message)
        stamp = message.header.stamp
        self.receive_good_pair(stamp.sec, stamp.nanosec)

    def receive_good_pair(self, sec, nanosec):
        for name, message in (('rgb', good_color(self.node)), ('depth', good_depth())):
            message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
            self.receive(name, message)

    def check(self, at_least):
        """Nothing is lost, nothing unexpected, nothing slow."""
        self.flow.clear()
        totals = self.node.totals
        report = '\n'.join(line for line in self.complaints if 'Traceback' in line)[:3000]
        assert not set(totals.dropped) - REASONS, f'{totals.dropped}\n{report}'
        assert totals.pending == 0 and self.fed >= at_least
        assert self.slowest_s < LONGEST_S
        assert totals.used['rgb'] > at_least / 100, totals
        assert all(line.strip() for line in self.complaints)

    def close(self):
        self.node.close()
        self.node.destroy_node()


@pytest.fixture
def target(_rclpy, monkeypatch):
    """Return a maker of fuzzed nodes; keyword arguments are parameters, ``__`` = dot."""
    targets = []
    monkeypatch.setattr('ssc_ros.nodes.flow.Worker', InlineWorker)

    def make(**parameters):
        targets.append(Target({
            name.replace('__', '.'): value for name, value in parameters.items()}))
        return targets[-1]

    yield make
    for made in targets:
        made.close()


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


def good_color(node):
    from ssc_ros.messages.compressed import encode_compressed_image
    from ssc_ros.messages.images import encode_image

    pixels = np.full((*SIZE, 3), 90, np.uint8)
    if node.parameters.input.transport == 'compressed':
        return encode_compressed_image(pixels, header(), codec='png')
    return encode_image(pixels, 'rgb8', header())


def good_depth():
    from ssc_ros.messages.images import encode_image

    return encode_image(np.full(SIZE, 2000, np.uint16), '16UC1', header())


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


STAMPS = st.builds(
    lambda sec, nanosec: {'sec': sec, 'nanosec': nanosec},
    st.integers(-2**31, 2**31 - 1) | st.integers(0, 3), st.integers(0, 2**32 - 1))
SIDES = st.integers(0, 20) | st.sampled_from([HEIGHT, WIDTH, 2**16, 2**32 - 1])
TEXTS = st.sampled_from(fuzzing.WILD_TEXTS) | st.text(max_size=8)


def headers(stamp, frame_id):
    from builtin_interfaces.msg import Time
    from std_msgs.msg import Header

    return Header(stamp=Time(**stamp), frame_id=frame_id)


HEADERS = st.builds(headers, STAMPS, st.just(FRAME_ID) | TEXTS)


@st.composite
def images(draw, encodings):
    from sensor_msgs.msg import Image

    height, width = draw(SIDES), draw(SIDES)
    step = draw(st.integers(0, 8).map(lambda pixel: min(width * pixel, 2**32 - 1)) | SIDES)
    length = draw(st.integers(0, 64) | st.just(min(height * step, 4096)))
    return Image(header=draw(HEADERS), height=height, width=width, step=step,
                 encoding=draw(st.sampled_from(encodings) | TEXTS),
                 is_bigendian=draw(st.integers(0, 255)), data=bytes(length))


@st.composite
def compressed_images(draw, formats, starts):
    from sensor_msgs.msg import CompressedImage

    data = draw(st.sampled_from(starts)) + draw(st.binary(max_size=80))
    return CompressedImage(
        header=draw(HEADERS), format=draw(st.sampled_from(formats) | TEXTS), data=data)


@st.composite
def infos(draw):
    info = good_info()
    numbers = st.sampled_from(fuzzing.WILD_NUMBERS) | st.floats(-1000, 1000)
    for name in draw(st.lists(st.sampled_from('krp'), max_size=3)):
        values = getattr(info, name)
        for place in draw(st.lists(st.integers(0, len(values) - 1), max_size=4)):
            values[place] = draw(numbers)
    info.d = draw(st.lists(numbers, max_size=15))
    info.distortion_model = draw(TEXTS | st.sampled_from(['plumb_bob', 'equidistant']))
    for name in ('height', 'width', 'binning_x', 'binning_y'):
        if draw(st.booleans()):
            setattr(info, name, draw(SIDES))
    for name in ('x_offset', 'y_offset', 'height', 'width'):
        if draw(st.booleans()):
            setattr(info.roi, name, draw(SIDES))
    return info


@st.composite
def odometries(draw):
    message = odometry_samples()[0]
    message.header = draw(HEADERS)
    message.child_frame_id = draw(st.just(FRAME_ID) | TEXTS)
    numbers = st.sampled_from(fuzzing.WILD_NUMBERS) | st.floats()
    pose = message.pose.pose
    for part, names in ((pose.position, 'xyz'), (pose.orientation, 'xyzw')):
        for name in draw(st.lists(st.sampled_from(names), max_size=3)):
            setattr(part, name, draw(numbers))
    return message


def fuzz(feed, samples, structured, seed):
    """Feed damaged samples and structured examples."""
    for message in fuzzing.broken_messages(samples, DAMAGED, seed):
        feed(message)

    @settings(max_examples=STRUCTURED)
    @given(structured)
    def feed_structured(message):
        feed(message)

    feed_structured()


COLORS = ('rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', 'mono16')
DEPTHS = ('16UC1', '32FC1')
PICTURES = [b'', b'\xff\xd8', b'\xff\xd8\xff\xc0\x00\x11\x08\x00\x10\x00\x10',
            b'\x89PNG\r\n\x1a\n']
DEPTH_FORMATS = ['16UC1; compressedDepth', '32FC1; compressedDepth png',
                 '16UC1; compressedDepth rvl', '32FC1; compressedDepth rvl']


def test_images(target):
    node = target()
    fuzz(lambda message: node.feed_image('rgb', message), image_samples(COLORS),
         images(COLORS), 11)
    node.check(DAMAGED)


def test_depth_images(target):
    node = target()
    fuzz(lambda message: node.feed_image('depth', message), image_samples(DEPTHS),
         images(DEPTHS), 12)
    node.check(DAMAGED)


def test_compressed_images(target, capfd):
    node = target(input__transport='compressed')
    node.flow._inputs['depth'].read = lambda msg: np.ones(SIZE, np.float32)
    fuzz(lambda message: node.feed_image('rgb', message), compressed_samples(),
         compressed_images(['jpeg', 'png', 'rgb8; jpeg compressed bgr8'], PICTURES), 13)
    capfd.readouterr()  # what libjpeg says about broken pictures
    node.check(DAMAGED)


def test_compressed_depth_images(target, capfd):
    node = target(input__transport='compressed')
    starts = [struct.pack('<iff', 0, a, b) + picture for a, b in ((0.0, 0.0), (1e4, -10.0))
              for picture in (*PICTURES, struct.pack('<II', WIDTH, HEIGHT),
                              struct.pack('<II', 2**31, 2**31))]
    fuzz(lambda message: node.feed_image('depth', message), compressed_depth_samples(),
         compressed_images(DEPTH_FORMATS, starts), 14)
    capfd.readouterr()
    node.check(DAMAGED)


@pytest.mark.parametrize('rectify', [False, True])
def test_calibrations(target, rectify):
    node = target(input__rectify=rectify)
    fuzz(node.feed_info, info_samples(), infos(), 15)
    node.check(DAMAGED)
    assert 'no_pose' not in node.node.totals.dropped


def test_odometry(target):
    node = target(pose__source='odometry', pose__timeout_ms=0.0)
    fuzz(node.feed_odometry, odometry_samples(), odometries(), 16)
    node.check(DAMAGED)
    assert node.node.reporter.counts['bad_odometry', '/odom'] > DAMAGED / 100

