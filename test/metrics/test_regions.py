"""Tests of the scored regions."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.metrics import sketch_region, sscnet_region


def test_visible_surfaces_count_for_ssc_but_not_for_sc() -> None:
    region = sketch_region([1, 1, 0], [1, 1, 1], [307200, 12, 307200])
    assert region.semantic.tolist() == [True, True, True]
    assert region.occluded.tolist() == [True, False, True]


def test_unknown_truth_and_voxels_without_weight_never_count() -> None:
    region = sketch_region([255, 3, 0], [1, 0, 1], [307200] * 3)
    assert region.semantic.tolist() == region.occluded.tolist() == [False, False, True]


def test_volumes_of_any_layout_become_flat_in_their_own_order() -> None:
    labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    region = sketch_region(labels, np.ones(24, bool), np.full((2, 12), 5), no_pixel=5)
    assert np.array_equal(region.target, np.arange(24)) and region.occluded.all()


def test_sizes_that_differ_are_named() -> None:
    with pytest.raises(DataError, match=r"'target': 3, 'label_weight': 2, 'pixel_of_voxel': 3"):
        sketch_region([0, 1, 2], [1, 1], [0, 0, 0])


def test_sscnet_counts_unknown_truth_as_empty() -> None:
    region = sscnet_region([255.0, np.nan, 4.0], [-1.0, -0.5, 0.5])
    assert region.target.tolist() == [0, 0, 4]


def test_sscnet_scores_surfaces_and_what_lies_behind_them() -> None:
    visibility = [1, 0.5, 0, -0.5, -1, -2, -3, -5]
    region = sscnet_region(np.zeros(8), visibility)
    assert np.flatnonzero(region.semantic).tolist() == [1, 2, 3, 4]
    assert np.flatnonzero(region.occluded).tolist() == [3, 4]
