"""Tests of the exact truncated distance transform."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.geometry.tsdf_distance import NEARNESS_FAR, nearness_window


def nearness_of(cells: np.ndarray, shape: tuple[int, int, int], block: int) -> np.ndarray:
    """Return the nearness of the whole grid."""
    x, y, z = cells.astype(np.int32)
    window = nearness_window((x, y, z), shape, block)
    whole = np.full(shape, NEARNESS_FAR, np.uint8)
    whole[tuple(slice(start, start + length) for start, length in zip(
        window.start, window.nearness.shape, strict=True))] = window.nearness
    return whole


@st.composite
def surfaces(draw):
    """Return a grid shape of whole blocks, the block edge and surface cells with repeats."""
    block = draw(st.integers(1, 4))
    shape = tuple(block * draw(st.integers(1, 36 // block)) for _ in range(3))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.sampled_from([1, 2, 5, 40]))
    return shape, block, np.stack([random.integers(0, length, count) for length in shape])


@given(surfaces())
def test_nearness_is_exact_up_to_twelve_cells(surface):
    shape, block, cells = surface
    squared = np.full(shape, 144)
    grid = np.indices(shape)
    for cell in cells.T:
        squared = np.minimum(squared, ((grid - cell[:, None, None, None]) ** 2).sum(axis=0))
    np.testing.assert_array_equal(nearness_of(cells, shape, block), 244 - squared)


@given(surfaces())
def test_blocks_outside_the_window_are_far_and_those_listed_are_near(surface):
    shape, block, cells = surface
    whole = nearness_of(cells, shape, block)
    x, y, z = cells.astype(np.int32)
    window = nearness_window((x, y, z), shape, block)
    blocks = whole.reshape(
        shape[0] // block, block, shape[1] // block, block, shape[2] // block, block)
    blocks = blocks.transpose(0, 2, 4, 1, 3, 5).reshape(-1, block ** 3)
    near = window.near_blocks(block)
    flat = np.ravel_multi_index(tuple(near), tuple(length // block for length in shape))
    assert set(flat) == set(np.flatnonzero((blocks > NEARNESS_FAR).any(axis=1)))
    np.testing.assert_array_equal(window.of_blocks(near, block), blocks[flat])


@pytest.mark.parametrize('block', [1, 4])
def test_no_surface_gives_an_empty_window(block: int):
    nothing = np.empty(0, np.int32)
    window = nearness_window((nothing, nothing, nothing), (8, 8, 8), block)
    assert window.nearness.size == 0
    assert window.near_blocks(block).shape == (3, 0)
