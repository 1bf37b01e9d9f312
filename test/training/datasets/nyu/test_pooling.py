"""Tests of label pooling and sketches."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssc_ros.errors import DataError
from training.datasets.nyu import NyuSamples
from training.datasets.nyu.pooling import blocks, nyu12_from_raw, pool_labels, sketch
from training.datasets.nyu.raw import read_volume

IDS = [*range(12), 255]


def voted(cells: list[int]) -> int:
    """Vote one voxel by the words of the rule."""
    counts = Counter(cells)
    is_empty = counts[0] + counts[255] > 0.95 * 64
    return max(IDS if is_empty else range(1, 12), key=lambda i: (counts[i], -IDS.index(i)))


@given(arrays(np.uint8, (4, 4, 8), elements=st.sampled_from([0, 0, 0, 0, 1, 2, 11, 255])))
def test_voxels_are_voted_by_the_rule(cells: np.ndarray) -> None:
    expected = [voted(cells[..., :4].ravel().tolist()), voted(cells[..., 4:].ravel().tolist())]
    assert pool_labels(cells).ravel().tolist() == expected


@pytest.mark.parametrize(('occupied', 'expected'), [(3, 0), (4, 5)])
def test_four_occupied_cells_fill_a_voxel_and_three_do_not(occupied: int, expected: int) -> None:
    cells = np.zeros(64, np.uint8)
    cells[:occupied] = 5
    assert pool_labels(cells.reshape(4, 4, 4)).item() == expected


def test_ties_go_to_the_earlier_id_and_unknown_comes_last() -> None:
    assert pool_labels(np.repeat([7, 3], 32).astype(np.uint8).reshape(4, 4, 4)).item() == 3
    assert pool_labels(np.repeat([255, 0], 32).astype(np.uint8).reshape(4, 4, 4)).item() == 0


def test_cells_of_a_voxel_stay_together() -> None:
    volume = np.arange(8 * 4 * 8).reshape(8, 4, 8)
    assert (blocks(volume)[1, 0, 1] == volume[4:, :, 4:].ravel()).all()
    with pytest.raises(DataError, match='blocks of 3'):
        blocks(volume, 3)


def test_foreign_raw_ids_are_refused() -> None:
    with pytest.raises(DataError, match='nyu36'):
        nyu12_from_raw(np.array([37], np.uint8))


def test_the_real_frame_pools_to_its_published_labels(
    real_release: Path, real_package: Path,
) -> None:
    volume = read_volume(real_release / 'depthbin' / 'NYUtest' / 'NYU0001_0000.bin')
    labels = pool_labels(nyu12_from_raw(volume.raw_labels))
    assert np.array_equal(labels, NyuSamples(real_package, [1], images=())[0].labels)


def test_a_sketch_lies_on_borders_of_labels_only() -> None:
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[4:8, 4:8, 4:8] = 7
    labels[:, :, 0] = 255
    edges = sketch(labels)
    assert edges[4, 4, 4] == edges[7, 7, 7] == 1
    assert not edges[5:7, 5:7, 5:7].any()
    assert not edges[:2].any()


def test_a_sketch_follows_the_published_kernels() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 0, 0, 2, 255], (5, 6, 7)).astype(np.uint8)
    values = np.pad(np.where(labels == 255, 0, labels).astype(int), 1)
    smooth, flat, slope = np.array([1, 2, 1]), np.array([1, 1, 1]), np.array([1, 0, -1])
    kernels = [np.einsum('i,j,k->ijk', *axes) for axes in (
        (smooth, flat, slope), (slope, flat, smooth), (flat, slope, smooth))]
    expected = np.empty(labels.shape, np.uint8)
    for i, j, k in np.ndindex(labels.shape):
        window = values[i:i + 3, j:j + 3, k:k + 3]
        expected[i, j, k] = sum((window * kernel).sum() != 0 for kernel in kernels) >= 2
    assert np.array_equal(sketch(labels), expected)
