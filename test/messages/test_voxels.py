from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssc_ros.errors import MessageError
from ssc_ros.geometry.transforms import transform_points
from ssc_ros.messages.cloud_reading import cloud_xyz
from ssc_ros.messages.voxels import (
    cell_centers,
    image_cloud,
    occupied_mask,
    surface_mask,
    voxel_cloud,
)


def test_empty_and_unlabelled_voxels_are_not_occupied(estimate):
    is_occupied = occupied_mask(estimate.labels, estimate.label_space)
    np.testing.assert_array_equal(is_occupied, (estimate.labels > 0) & (estimate.labels < 255))


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=5)))
def test_the_surface_is_what_has_a_free_neighbour_or_lies_on_the_border(is_occupied):
    padded = np.pad(is_occupied, 1)
    expected = np.zeros_like(is_occupied)
    for index in np.argwhere(is_occupied):
        x, y, z = index + 1
        neighbours = (padded[x - 1, y, z], padded[x + 1, y, z], padded[x, y - 1, z],
                      padded[x, y + 1, z], padded[x, y, z - 1], padded[x, y, z + 1])
        expected[tuple(index)] = not all(neighbours)
    np.testing.assert_array_equal(surface_mask(is_occupied), expected)


@given(st.integers(0, 2**32 - 1))
def test_points_are_the_centres_of_the_chosen_voxels(estimate, seed):
    cells = np.random.default_rng(seed).integers(0, estimate.grid.num_voxels, 20)
    np.testing.assert_array_equal(
        cell_centers(cells, estimate.grid), estimate.grid.centers()[cells])


def test_the_cloud_holds_every_occupied_voxel_in_the_optical_frame(estimate):
    cloud = voxel_cloud(estimate)
    is_occupied = occupied_mask(estimate.labels, estimate.label_space)
    assert len(cloud) == is_occupied.sum()
    np.testing.assert_array_equal(cloud['label'], estimate.labels[is_occupied])
    np.testing.assert_array_equal(cloud['confidence'], estimate.confidence[is_occupied])
    np.testing.assert_array_equal(cloud['observed'], estimate.observed[is_occupied])
    expected = transform_points(
        estimate.T_camera_voxel, estimate.grid.centers()[is_occupied.reshape(-1)])
    np.testing.assert_allclose(cloud_xyz(cloud), expected, atol=1e-5)


def test_a_mask_and_another_frame_can_be_asked_for(estimate):
    is_kept = estimate.observed & (estimate.labels == 2)
    cloud = voxel_cloud(estimate, is_kept=is_kept, T_target_voxel=np.eye(4))
    assert len(cloud) == is_kept.sum()
    assert cloud['observed'].all() and (cloud['label'] == 2).all()
    cells, is_inside = estimate.grid.point_to_index(cloud_xyz(cloud))
    assert is_inside.all()
    np.testing.assert_array_equal(cells, np.argwhere(is_kept))


def test_the_image_cloud_stays_aligned_with_the_image(estimate):
    cloud = image_cloud(estimate)
    is_missing = estimate.depth_m == 0
    assert cloud.shape == estimate.depth_m.shape
    assert np.isnan(cloud['z'][is_missing]).all() and (cloud['label'][is_missing] == 255).all()
    assert not cloud['observed'][is_missing].any() and cloud['observed'][~is_missing].all()
    np.testing.assert_array_equal(cloud['z'][~is_missing], estimate.depth_m[~is_missing])
    np.testing.assert_array_equal(cloud['label'][~is_missing], estimate.image_labels[~is_missing])
    v, u = np.argwhere(~is_missing)[0]
    point, camera = cloud[v, u], estimate.camera
    assert point['x'] * camera.fx / point['z'] + camera.cx == pytest.approx(u, abs=1e-4)


def test_without_depth_or_labels_there_is_no_image_cloud(estimate):
    for missing in ('depth_m', 'image_labels'):
        with pytest.raises(MessageError, match='has no depth or no labelled image'):
            image_cloud(replace(estimate, **{missing: None}))
