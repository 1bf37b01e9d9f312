"""Tests of what the published evaluation code scores."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.metrics import center_crop, nearest_resize, release_target

Image = pytest.importorskip('PIL.Image')


@pytest.mark.parametrize(('old', 'new'), [
    ((480, 640), (240, 320)), ((228, 304), (480, 640)), ((530, 730), (240, 320))])
def test_resizing_is_that_of_pillow(old: tuple[int, int], new: tuple[int, int]) -> None:
    image = np.arange(old[0] * old[1], dtype=np.int32).reshape(old)
    expected = np.asarray(Image.fromarray(image).resize(new[::-1], Image.Resampling.NEAREST))
    assert np.array_equal(nearest_resize(image, new), expected)


def test_the_crop_begins_at_row_6_and_column_8() -> None:
    rows, columns = np.mgrid[:240, :320]
    crop = center_crop(rows * 1000 + columns)
    assert crop.shape == (228, 304)
    assert (crop[0, 0], crop[-1, -1]) == (6008, 233311)


def test_the_outer_part_is_never_scored() -> None:
    labels = np.zeros((480, 640), np.uint8)
    labels[:12] = labels[-12:] = 1
    labels[:, :16] = labels[:, -16:] = 1
    assert not release_target(labels, flips=False).any()
    labels[12, 100] = labels[13, 101] = 2
    assert (release_target(labels, flips=False) == 2).any()


def test_flipping_mirrors_the_truth() -> None:
    labels = np.random.default_rng(0).integers(0, 41, (480, 640)).astype(np.uint8)
    plain, mirrored = (release_target(labels, flips=flips) for flips in (False, True))
    assert plain.shape == mirrored.shape == (480, 640)
    middle = nearest_resize(center_crop(nearest_resize(labels, (240, 320))), (480, 640))
    assert np.array_equal(plain, middle)
    assert (plain[:, ::-1] == mirrored).mean() > 0.75  # resampling is one-sided
