"""Tests of answers to overlapping parts of a map that become one."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.fusion.completion import NO_LABEL, Completion, blended

SHAPE = (3, 5, 6)
STRIDE, SIDE, EXTENT = 8, 24, 64
RAMP = np.minimum(np.minimum(*[(edge + 0.5) / STRIDE for edge in (
    np.arange(SIDE), np.arange(SIDE)[::-1])]), 1).astype(np.float32)


def answer(weight, *, shape=SHAPE, tsdf=0.5, label=3, confidence=0.5, rgb=100) -> Completion:
    """Return the same answer everywhere; the weight is one number or that of every column."""
    return Completion(
        np.broadcast_to(np.asarray(weight, np.float32), shape[1:]).copy(),
        np.full(shape, abs(tsdf) < 3), np.full(shape, tsdf, np.float16),
        np.full((*shape, 3), rgb, np.uint8), np.full(shape, label, np.uint8),
        np.full(shape, confidence, np.float16))


def noise(seed: int) -> Completion:
    random = np.random.default_rng(seed)
    return Completion(
        random.random(SHAPE[1:], np.float32), random.random(SHAPE) > 0.5,
        random.normal(size=SHAPE).astype(np.float16),
        random.integers(0, 256, (*SHAPE, 3), np.uint8),
        random.integers(0, 11, SHAPE, np.uint8), random.random(SHAPE).astype(np.float16))


def nothing(shape=SHAPE) -> Completion:
    return answer(0.0, shape=shape, tsdf=0.0, label=NO_LABEL, confidence=0.0, rgb=0)


def assert_same(first: Completion, second: Completion, *, but: tuple[str, ...] = ()) -> None:
    for entry in fields(Completion):
        if entry.name not in but:
            np.testing.assert_array_equal(
                getattr(first, entry.name), getattr(second, entry.name), err_msg=entry.name)


def test_answers_that_agree_are_kept_exactly_whatever_their_weights():
    said = noise(0)
    again = replace(said, weight=noise(1).weight)
    result = blended(said, again)
    assert_same(result, said, but=('weight', 'confidence'))
    np.testing.assert_allclose(result.confidence, said.confidence, atol=1e-3)


def test_an_answer_is_alone_where_nothing_was_known_and_leaves_what_it_does_not_cover():
    said = noise(0)
    assert_same(blended(nothing(), said), said)
    assert_same(blended(said, nothing()), said)


def test_a_full_answer_replaces_the_old_one():
    said = replace(noise(0), weight=np.ones(SHAPE[1:], np.float32))
    assert_same(blended(noise(1), said), said)


def test_weights_that_add_up_to_one_give_the_weighted_mean():
    result = blended(answer(0.75, tsdf=1.0, rgb=40, confidence=0.5, label=2),
                     answer(0.25, tsdf=-1.0, rgb=80, confidence=0.9, label=2))
    assert np.all(result.tsdf_voxels == 0.5) and np.all(result.rgb == 50)
    np.testing.assert_allclose(result.confidence, 0.6, atol=1e-3)
    assert np.all(result.weight == 0.75)


@pytest.mark.parametrize(('confidence', 'label', 'told'), [(0.25, 2, 0.375), (0.875, 7, 0.4375)])
def test_the_likelier_label_wins_and_is_no_surer_than_its_share(confidence, label, told):
    result = blended(answer(0.5, label=2, confidence=0.75),
                     answer(0.5, label=7, confidence=confidence))
    assert np.all(result.labels == label) and np.all(result.confidence == told)


def test_the_larger_share_says_whether_a_surface_is_near():
    near, far = answer(0.4, tsdf=1.0), answer(0.6, tsdf=3.0)
    assert not blended(near, far).near_surface.any()
    assert blended(far, near).near_surface.sum() == 0
    assert blended(replace(far, weight=np.full(SHAPE[1:], 0.3, np.float32)),
                   replace(near, weight=np.full(SHAPE[1:], 0.7, np.float32))).near_surface.all()


def square_weight(row: int, column: int) -> np.ndarray:
    weight = np.zeros((EXTENT, EXTENT), np.float32)
    weight[row:row + SIDE, column:column + SIDE] = np.outer(RAMP, RAMP)
    return weight


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(
    st.integers(0, (EXTENT - SIDE) // STRIDE), st.integers(0, (EXTENT - SIDE) // STRIDE),
    st.sampled_from([-3.0, 0.0, 3.0])), min_size=2, max_size=10))
def test_answers_that_contradict_each_other_meet_without_a_step(squares):
    shape = (1, EXTENT, EXTENT)
    known = nothing(shape)
    for row, column, tsdf in squares:
        known = blended(known, answer(
            square_weight(row * STRIDE, column * STRIDE), shape=shape, tsdf=tsdf))
    # Where little is known, at the outer rim, the next square will mend what does not meet.
    is_known = known.weight >= 0.5
    tsdf = known.tsdf_voxels[0].astype(np.float32)
    for axis in (0, 1):
        both = (np.take(is_known, range(EXTENT - 1), axis)
                & np.take(is_known, range(1, EXTENT), axis))
        steps = np.abs(np.diff(tsdf, axis=axis))[both]
        assert steps.max(initial=0) <= 2 * 6 / STRIDE  # hard borders would show 6


def test_parts_of_different_sizes_are_refused():
    with pytest.raises(DataError, match='weight'):
        replace(noise(0), weight=np.ones((2, 2), np.float32))
