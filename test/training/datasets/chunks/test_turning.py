"""Turned chunks and the matrices that say where their voxels went."""

from __future__ import annotations

import numpy as np
import pytest

from training.datasets.chunks.turning import Turn

TURNS = [Turn(quarters, mirrors) for quarters in range(4) for mirrors in (False, True)]


@pytest.mark.parametrize('turn', TURNS)
@pytest.mark.parametrize('shape', [(3, 5, 5), (2, 4, 6)])
def test_every_voxel_is_found_where_the_matrix_says(turn: Turn, shape) -> None:
    volume = np.arange(np.prod(shape)).reshape(shape)
    turned = turn.apply(volume)
    z, y, x = np.indices(shape).reshape(3, -1)
    moved = turn.matrix(shape) @ np.stack([x, y, z, np.ones_like(x)])
    places = np.rint(moved[:3]).astype(int)
    np.testing.assert_allclose(moved[:3], places, atol=1e-12)
    np.testing.assert_array_equal(turned[places[2], places[1], places[0]], volume[z, y, x])


def test_the_eight_turns_differ_and_all_are_drawn() -> None:
    rng = np.random.default_rng(0)
    assert {Turn.draw(rng, (4, 8, 8)) for _ in range(200)} == set(TURNS)
    assert len({turn.matrix((4, 8, 8)).tobytes() for turn in TURNS}) == 8


def test_chunks_that_are_not_square_keep_their_shape() -> None:
    rng = np.random.default_rng(0)
    assert {Turn.draw(rng, (4, 8, 6)).quarters for _ in range(50)} == {0, 2}


def test_channels_turn_together() -> None:
    volume = np.random.default_rng(0).random((2, 3, 4, 4))
    turned = Turn(1, True).apply(volume)
    np.testing.assert_array_equal(turned[1], Turn(1, True).apply(volume[1]))
