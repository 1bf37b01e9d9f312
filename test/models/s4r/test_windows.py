from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.s4r.windows import (
    RunningMean,
    Windowing,
    axis_weights,
    plane_weights,
    window_starts,
)


@given(st.integers(1, 300), st.integers(1, 32), st.integers(1, 2))
def test_windows_cover_the_axis_without_a_needless_one(length, stride, overlap):
    window = overlap * stride
    starts = window_starts(length, window, stride)
    covered = {start + index for start in starts for index in range(window)}
    assert set(range(length)) <= covered
    assert len(starts) == 1 or starts[-2] + window < length


def test_a_tent_falls_towards_inner_sides_and_not_towards_the_end_of_the_scene():
    inner = axis_weights(64, 32, 'tent', is_first=False, is_last=False)
    assert inner[0] == pytest.approx(0.02)
    assert inner[31] == inner[32] == pytest.approx(31.5 / 32)
    assert torch.equal(inner, inner.flip(0))
    outer = axis_weights(64, 32, 'tent', is_first=True, is_last=False)
    assert outer[:32].eq(1).all()
    assert torch.equal(outer[33:], inner[33:])


def test_neighbouring_tents_add_up_to_one_but_for_the_least_weight():
    first = axis_weights(64, 32, 'tent', is_first=True, is_last=False)
    second = axis_weights(64, 32, 'tent', is_first=False, is_last=True)
    torch.testing.assert_close(first[32:] + second[:32], torch.ones(32), atol=0.005, rtol=0)


def test_a_rim_is_dropped_at_inner_sides_alone():
    weights = axis_weights(6, 3, 'rim', is_first=False, is_last=True)
    assert weights.tolist() == [0, 0, 1, 1, 1, 1]
    plane = plane_weights(weights, weights.flip(0))
    assert plane.shape == (1, 6, 6)
    assert plane[0, 0].sum() == plane[0, :, 5].sum() == 0
    assert plane[0, 5, 0] == 1


def test_the_running_mean_is_the_weighted_mean():
    mean = RunningMean(2, (1, 4, 3))
    first, second = torch.randn(2, 1, 3, 3), torch.randn(2, 1, 3, 3)
    mean.add(first, torch.tensor(0.5), 0)
    mean.add(second, torch.tensor(1.5), 1)
    torch.testing.assert_close(mean.mean[:, :, 0], first[:, :, 0])
    torch.testing.assert_close(mean.mean[:, :, 1], 0.25 * first[:, :, 1] + 0.75 * second[:, :, 0])
    torch.testing.assert_close(mean.mean[:, :, 3], second[:, :, 2])


def test_values_that_agree_are_kept_exactly():
    mean, value = RunningMean(1, (1, 1, 50)), torch.randn(1, 1, 1, 50)
    for _ in range(7):
        mean.add(value, torch.rand(1, 1, 1, 50).clamp(min=0.02), 0)
    mean.add(value + 9, torch.zeros(1), 0)
    assert torch.equal(mean.mean, value)


def test_what_is_shifted_out_is_forgotten():
    mean = RunningMean(1, (1, 1, 4))
    mean.add(torch.arange(4.0).view(1, 1, 1, 4), torch.ones(1), 0)
    mean.shift(3)
    assert mean.mean.flatten().tolist() == [3, 0, 0, 0]
    assert mean.weight.flatten().tolist() == [1, 0, 0, 0]


def test_the_stride_is_half_a_window_unless_it_is_given():
    assert Windowing().stride_of((128, 64, 64)) == 32
    assert Windowing(stride=16).stride_of((128, 64, 48)) == 16
    with pytest.raises(ConfigurationError, match='windows are 48 voxels wide'):
        Windowing(stride=50).stride_of((128, 64, 48))


@pytest.mark.parametrize('changes', [{'blend': 'max'}, {'stride': -1}, {'batch': 0}])
def test_impossible_windowing_is_refused(changes):
    with pytest.raises(ConfigurationError, match='blend is tent or rim'):
        Windowing(**changes)
