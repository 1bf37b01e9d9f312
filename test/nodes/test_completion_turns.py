"""Tests of the order in which a map is completed."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.ros

SIDE, STRIDE = 96, 16


@pytest.fixture
def window():
    from ssc_ros.fusion.rolling_arrays import PlaneBox

    return PlaneBox((-128, -128), (256, 256))


@pytest.fixture
def turns():
    from ssc_ros.nodes.completion_turns import CompletionTurns

    return CompletionTurns(SIDE, STRIDE)


def box(*numbers):
    from ssc_ros.fusion.rolling_arrays import PlaneBox

    return PlaneBox(tuple(numbers[:2]), tuple(numbers[2:]))


def test_nothing_waits_at_first(turns, window):
    assert turns.take(window, (0, 0)) is None and len(turns) == 0


def test_the_robot_and_what_waits_longest_take_turns(turns, window):
    turns.mark(box(-90, -90, 1, 1))
    turns.mark(box(0, 0, 1, 1))
    turns.mark(box(80, -90, 1, 1))
    robots = turns.take(window, (0, 0))
    assert robots.box == box(-48, -48, SIDE, SIDE)
    assert robots.core == box(-32, -32, 64, 64)
    oldest = turns.take(window, (0, 0))
    start, middle = oldest.core.start, (-96 + 8, -96 + 8)
    assert all(first <= at < first + 64 for first, at in zip(start, middle, strict=True))
    assert turns.take(window, (0, 0)).box.start == (32, -128)  # nothing is new before the robot
    assert turns.take(window, (0, 0)) is None


def test_only_the_core_counts_as_completed(turns, window):
    turns.mark(box(-48, -48, SIDE, SIDE))
    before = len(turns)
    turns.take(window, (0, 0))
    assert before == 36 and len(turns) == 20


def test_an_answer_fades_towards_sides_where_the_map_goes_on(turns, window):
    turns.mark(window)
    square = turns.take(window, (0, -128))
    assert square.box.start == (-48, -128) and square.core == box(-32, -128, 64, 80)
    along = (np.arange(STRIDE) + 0.5) / STRIDE
    np.testing.assert_allclose(square.weight[:STRIDE, 0], along)
    np.testing.assert_allclose(square.weight[48, -STRIDE:], along[::-1])
    assert np.all(square.weight[16:-16, :-16] == 1)


def test_squares_on_one_grid_add_up_to_one_between_their_middles(turns, window):
    turns.mark(window)
    left, right = turns.take(window, (0, -40)), None
    while right is None or right.box.start[1] != left.box.start[1] + SIDE - STRIDE:
        turns.mark(window)
        right = turns.take(window, (0, -40 + SIDE - STRIDE))
    np.testing.assert_allclose(
        left.weight[48, -STRIDE:] + right.weight[48, :STRIDE], 1, atol=1e-6)


@pytest.mark.parametrize(('side', 'stride'), [
    (48, 4), (64, 16), (96, 16), (96, 32), (112, 32), (192, 32), (256, 32)])
def test_everything_is_completed_once_and_then_rests(side, stride, window):
    from ssc_ros.nodes.completion_turns import CompletionTurns

    turns = CompletionTurns(side, stride)
    turns.mark(window)
    seen = np.zeros(window.shape, np.float32)
    for _ in range(2 * 16 * 16):
        square = turns.take(window, (37, -55))
        if square is None:
            break
        y, x = (first - origin for first, origin in zip(
            square.box.start, window.start, strict=True))
        assert min(y, x) >= 0 and max(y, x) + side <= 256
        part = seen[y:y + side, x:x + side]
        np.maximum(part, square.weight, out=part)
    else:
        raise AssertionError('never rests')
    assert np.all(seen == 1)
