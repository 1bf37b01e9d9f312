"""
Whatever arrives becomes a frame or a counted refusal with a reason; nothing else happens.

20,000 messages of every kind; SSC_ROS_FUZZ=1000000 takes a night.
"""

from __future__ import annotations

import importlib.util
import os
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# Some ten seconds each where nothing else runs.
pytestmark = [pytest.mark.ros, pytest.mark.timeout(1500)]

DAMAGED = int(os.environ.get('SSC_ROS_FUZZ', '18000'))
STRUCTURED = int(os.environ.get('SSC_ROS_FUZZ_STRUCTURED', '2000'))
LONGEST_S = 10.0


def load(name):
    """Return a module beside this one."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f'{name}.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fuzzing, samples = load('fuzzing'), load('samples')
HEIGHT, WIDTH = samples.SIZE
COLORS, DEPTHS = samples.COLORS, samples.DEPTHS


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

        from ssc_ros.nodes.reporting import ThrottledReporter
        from ssc_ros.nodes.rgbd_node import RgbdNode

        values = {'autostart': False, **parameters}
        self.node = RgbdNode(load=lambda *_, **__: samples.quick_estimator(), parameter_overrides=[
            Parameter(name, value=value) for name, value in values.items()])
        self.complaints = []
        self.node.reporter = ThrottledReporter(self.complaints.append, period_s=0.0)
        assert self.node.trigger_configure() and self.node.trigger_activate()
        assert self.node.state == 'active', self.node.last_error
        self.is_compressed = self.node.parameters.input.transport == 'compressed'
        self.slowest_s = 0.0
        self.fed = 0
        self.receive_info(samples.good_info())

    @property
    def flow(self):
        return self.node._flow

    def good_color(self):
        return samples.good_color(compressed=self.is_compressed)

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
        partner = samples.good_depth() if name == 'rgb' else self.good_color()
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
        for name, message in (('rgb', self.good_color()), ('depth', samples.good_depth())):
            message.header.stamp.sec, message.header.stamp.nanosec = sec, nanosec
            self.receive(name, message)

    def check(self, at_least):
        """Nothing is lost, nothing unexpected, nothing slow."""
        self.flow.clear()
        totals = self.node.totals
        report = '\n'.join(line for line in self.complaints if 'Traceback' in line)[:3000]
        assert not set(totals.dropped) - samples.REASONS, f'{totals.dropped}\n{report}'
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


STAMPS = st.builds(
    lambda sec, nanosec: {'sec': sec, 'nanosec': nanosec},
    st.integers(-2**31, 2**31 - 1) | st.integers(0, 3), st.integers(0, 2**32 - 1))
SIDES = st.integers(0, 20) | st.sampled_from([HEIGHT, WIDTH, 2**16, 2**32 - 1])
TEXTS = st.sampled_from(fuzzing.WILD_TEXTS) | st.text(max_size=8)


def headers(stamp, frame_id):
    from builtin_interfaces.msg import Time
    from std_msgs.msg import Header

    return Header(stamp=Time(**stamp), frame_id=frame_id)


HEADERS = st.builds(headers, STAMPS, st.just(samples.FRAME_ID) | TEXTS)


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
    info = samples.good_info()
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
    message = samples.odometry_samples()[0]
    message.header = draw(HEADERS)
    message.child_frame_id = draw(st.just(samples.FRAME_ID) | TEXTS)
    numbers = st.sampled_from(fuzzing.WILD_NUMBERS) | st.floats()
    pose = message.pose.pose
    for part, names in ((pose.position, 'xyz'), (pose.orientation, 'xyzw')):
        for name in draw(st.lists(st.sampled_from(names), max_size=3)):
            setattr(part, name, draw(numbers))
    return message


def fuzz(feed, good, structured, seed):
    """Feed damaged samples and structured examples."""
    for message in fuzzing.broken_messages(good, DAMAGED, seed):
        feed(message)

    @settings(max_examples=STRUCTURED)
    @given(structured)
    def feed_structured(message):
        feed(message)

    feed_structured()


PICTURES = [b'', b'\xff\xd8', b'\xff\xd8\xff\xc0\x00\x11\x08\x00\x10\x00\x10',
            b'\x89PNG\r\n\x1a\n']
DEPTH_FORMATS = ['16UC1; compressedDepth', '32FC1; compressedDepth png',
                 '16UC1; compressedDepth rvl', '32FC1; compressedDepth rvl']


def test_images(target):
    node = target()
    fuzz(lambda message: node.feed_image('rgb', message), samples.image_samples(COLORS),
         images(COLORS), 11)
    node.check(DAMAGED)


def test_depth_images(target):
    node = target()
    fuzz(lambda message: node.feed_image('depth', message), samples.image_samples(DEPTHS),
         images(DEPTHS), 12)
    node.check(DAMAGED)


def test_compressed_images(target, capfd):
    node = target(input__transport='compressed')
    node.flow._inputs['depth'].read = lambda msg: np.ones(samples.SIZE, np.float32)
    fuzz(lambda message: node.feed_image('rgb', message), samples.compressed_samples(),
         compressed_images(['jpeg', 'png', 'rgb8; jpeg compressed bgr8'], PICTURES), 13)
    capfd.readouterr()  # what libjpeg says about broken pictures
    node.check(DAMAGED)


def test_compressed_depth_images(target, capfd):
    node = target(input__transport='compressed')
    starts = [struct.pack('<iff', 0, a, b) + picture for a, b in ((0.0, 0.0), (1e4, -10.0))
              for picture in (*PICTURES, struct.pack('<II', WIDTH, HEIGHT),
                              struct.pack('<II', 2**31, 2**31))]
    fuzz(lambda message: node.feed_image('depth', message), samples.compressed_depth_samples(),
         compressed_images(DEPTH_FORMATS, starts), 14)
    capfd.readouterr()
    node.check(DAMAGED)


@pytest.mark.parametrize('rectify', [False, True])
def test_calibrations(target, rectify):
    node = target(input__rectify=rectify)
    fuzz(node.feed_info, samples.info_samples(), infos(), 15)
    node.check(DAMAGED)
    assert 'no_pose' not in node.node.totals.dropped


def test_odometry(target):
    node = target(pose__source='odometry', pose__timeout_ms=0.0)
    fuzz(node.feed_odometry, samples.odometry_samples(), odometries(), 16)
    node.check(DAMAGED)
    assert node.node.reporter.counts['bad_odometry', '/odom'] > DAMAGED / 100

