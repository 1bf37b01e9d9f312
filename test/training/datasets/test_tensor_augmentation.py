"""Tests of the image augmentation on tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.datasets.nyu.augmentation import ImageChange
from training.datasets.nyu.augmentation import distort_colors as distort_array
from training.datasets.tensor_augmentation import (
    augment_picture,
    change_ids,
    change_image,
    distort_colors,
)

seeds = st.integers(0, 10_000)


def photo() -> np.ndarray:
    """Return a smooth, colourful (480, 640, 3) image."""
    rows, columns = np.mgrid[:480, :640]
    waves = [128 + 100 * np.sin(rows / (17 + 9 * c) + columns / (23 - 5 * c)) for c in range(3)]
    return np.stack(waves, axis=-1).astype(np.uint8)


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)


@settings(max_examples=10)
@given(seeds)
def test_ids_move_as_in_the_arrays(seed: int) -> None:
    change = ImageChange.draw(np.random.default_rng(seed))
    ids = np.random.default_rng(1).integers(0, 14, (480, 640)).astype(np.uint8)
    moved = change_ids(torch.from_numpy(ids), change, padding=0)
    np.testing.assert_array_equal(moved.numpy(), change.ids(ids, 0))


@settings(max_examples=6)
@given(seeds)
def test_images_move_as_in_the_arrays(seed: int) -> None:
    change = ImageChange.draw(np.random.default_rng(seed))
    moved = change_image(as_tensor(photo()), change).permute(1, 2, 0).numpy()
    assert np.abs(moved.astype(int) - change.image(photo())).max() <= 1


@pytest.mark.parametrize('photometric', ['uint8', 'official', 'none'])
@pytest.mark.parametrize('seed', range(12))
def test_colours_change_as_in_the_arrays(photometric: str, seed: int) -> None:
    image = photo()[:120, :160]
    expected = distort_array(image, np.random.default_rng(seed), photometric)
    found = distort_colors(as_tensor(image), np.random.default_rng(seed), photometric)
    difference = np.abs(found.permute(1, 2, 0).numpy().astype(int) - expected)
    # Whole hues and saturations round differently here and there.
    assert difference.mean() < 1
    assert np.percentile(difference, 99) <= 8


def test_a_label_map_keeps_its_ids_and_is_padded_with_void() -> None:
    change = ImageChange(height=400, width=500)
    label_map = torch.full((480, 640), 5, dtype=torch.uint8)
    moved = augment_picture(label_map, change, np.random.default_rng(0), 'uint8')
    assert (moved[:400, :500] == 5).all()
    assert (moved[400:] == 0).all() and (moved[:, 500:] == 0).all()
