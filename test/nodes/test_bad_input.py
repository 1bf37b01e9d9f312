"""Whatever arrives, the node says it once, counts it, and works on with the next good pair."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytestmark = pytest.mark.ros


def settle(graph, stereo, reason, messages):
    graph.wait(lambda: stereo.totals.dropped.get(reason, 0) >= messages)


def expect_recovery(graph, camera, stereo):
    before = stereo.totals.used['left']
    camera.send()
    graph.wait(lambda: stereo.totals.used['left'] == before + 1)
    assert stereo.state == 'active'


def warnings_about(capfd, topic):
    return [line for line in capfd.readouterr().err.splitlines()
            if line.startswith('[WARN]') and topic in line and 'watchdog:' not in line]


def truncated(image):
    image.data = image.data[:len(image.data) // 2]


def wrong_encoding(image):
    image.encoding = 'bayer_rggb8'


def short_step(image):
    image.step = 10


def zero_size(image):
    image.height = image.width = 0


def depth_encoding(image):
    image.encoding = '32FC1'


@pytest.mark.parametrize('side', ['left', 'right'])
@pytest.mark.parametrize('spoil', [truncated, wrong_encoding, short_step, zero_size,
                                   depth_encoding])
def test_malformed_images_are_named_once_and_skipped(
        graph, camera, stereo, capfd, spoil, side):
    camera.send_info()
    for _ in range(3):
        bad = camera.image(side)
        spoil(bad)
        camera.send_images(**{side: bad})
        graph.wait(lambda: stereo.totals.received['right'] == camera.pairs_sent)
        graph.wait(lambda: stereo.totals.pending == 0)
    assert stereo.totals.dropped == {'bad_message': 6}
    assert len(warnings_about(capfd, f'/{side}/image_rect')) == 1
    expect_recovery(graph, camera, stereo)


def zero_intrinsics(info):
    info.k, info.p = np.zeros(9), np.zeros(12)


def nan_intrinsics(info):
    info.p[0] = math.nan


def unknown_distortion(info):
    info.distortion_model, info.d = 'magic', [1.0]


def zero_projection(info):
    info.p = np.zeros(12)


@pytest.mark.parametrize('spoil', [zero_intrinsics, nan_intrinsics, unknown_distortion,
                                   zero_projection])
def test_unusable_calibrations_are_named_and_a_good_one_heals(
        graph, camera, stereo, capfd, spoil):
    info = camera.info('right')
    spoil(info)
    for _ in range(2):
        camera.send_info(right=info)
        camera.send_images()
        graph.wait(lambda: stereo.totals.received['right'] == camera.pairs_sent)
        graph.wait(lambda: stereo.totals.pending == 0)
    assert stereo.totals.dropped == {'bad_calibration': 4}
    assert len(warnings_about(capfd, '/right/camera_info')) == 1
    expect_recovery(graph, camera, stereo)


def test_a_baseline_of_zero_is_refused_with_the_remedy(graph, camera, stereo, capfd):
    info = camera.info('right')
    info.p[3] = 0.0
    camera.send_info(right=info)
    camera.send_images()
    settle(graph, stereo, 'bad_calibration', 2)
    assert 'baseline' in warnings_about(capfd, '/right/camera_info')[0]
    expect_recovery(graph, camera, stereo)


def test_eyes_of_different_size_are_refused(graph, camera, stereo, capfd):
    good_size = camera.size
    left_image, left_info = camera.image('left'), camera.info('left')
    camera.size = (24, 32)
    camera.send_info(left=left_info)
    camera.send_images(left=left_image)
    settle(graph, stereo, 'bad_calibration', 2)
    assert '32x24' in warnings_about(capfd, '/left/image_rect')[0]
    camera.size = good_size
    expect_recovery(graph, camera, stereo)


def test_a_new_image_size_waits_for_its_calibration(graph, camera, stereo, estimator, capfd):
    expect_recovery(graph, camera, stereo)
    camera.size = (24, 32)
    camera.send_images()
    settle(graph, stereo, 'bad_image', 2)
    assert '(24, 32, 3)' in warnings_about(capfd, '/left/image_rect')[0]
    expect_recovery(graph, camera, stereo)
    assert estimator.frames[-1].camera.size == (24, 32)


def test_images_before_any_calibration_name_the_missing_topic(graph, camera, stereo, capfd):
    camera.send_images()
    settle(graph, stereo, 'no_calibration', 2)
    assert len(warnings_about(capfd, '/left/camera_info')) == 1
    expect_recovery(graph, camera, stereo)


def test_a_calibration_just_after_the_first_image_is_waited_for(graph, camera, stereo):
    camera.send_images()
    graph.wait(lambda: stereo.totals.received['right'] == 1)
    camera.send_info()
    graph.wait(lambda: stereo.totals.used['left'] == 1)


def test_stamps_of_zero_are_refused_before_matching(graph, camera, stereo, capfd):
    camera.send_info()
    stamp_ns, camera.stamp_ns = camera.stamp_ns, 0
    camera.send_images()
    settle(graph, stereo, 'zero_stamp', 2)
    assert len(warnings_about(capfd, '/left/image_rect')) == 1
    camera.stamp_ns = stamp_ns
    expect_recovery(graph, camera, stereo)


def test_images_without_a_frame_are_refused(graph, camera, stereo, capfd):
    camera.send_info()
    image = camera.image('left')
    image.header.frame_id = ''
    camera.send_images(left=image)
    settle(graph, stereo, 'no_frame', 1)
    assert len(warnings_about(capfd, '/left/image_rect')) == 1
    expect_recovery(graph, camera, stereo)


def test_broken_jpegs_are_named_once_and_skipped(
        graph, compressed_camera, start_stereo, capfd):
    stereo = start_stereo(input__transport='compressed')
    compressed_camera.connect()
    compressed_camera.send_info()
    bad = compressed_camera.image('left')
    bad.data = bad.data[:len(bad.data) // 2]
    compressed_camera.send_images(left=bad)
    settle(graph, stereo, 'bad_message', 2)
    assert len(warnings_about(capfd, '/left/image_rect/compressed')) == 1
    expect_recovery(graph, compressed_camera, stereo)
