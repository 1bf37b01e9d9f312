"""Tests of fused volumes as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.fusion.scene_volume import SceneVolume, known_codes


def test_known_codes_count_the_voxels_behind_a_surface():
    tsdf = np.array([6, 1.01, 1, 0, -1, -1.01, -1.99, -2, -6.5, -300, -np.inf], np.float32)
    assert known_codes(tsdf).tolist() == [0, 0, 1, 1, 1, 2, 2, 3, 7, 255, 2]


def test_the_input_of_networks_has_distances_colours_and_what_is_observed(scenes):
    volume = scenes.random_volume((3, 4, 5))
    channels = volume.network_input()
    observed = np.abs(volume.tsdf_voxels) <= 6
    assert channels.shape == (5, 3, 4, 5) and channels.dtype == np.float32
    assert (channels[4] == observed).all() and 0 < observed.mean() < 1
    assert (channels[0][~observed] == -3).all()
    np.testing.assert_allclose(
        channels[0][observed], np.clip(volume.tsdf_m / 0.02, -3, 3)[observed], rtol=1e-5)
    np.testing.assert_allclose(channels[1:4][:, observed].T * 255, volume.rgb[observed], rtol=1e-5)


@given(st.tuples(*[st.integers(-6, 8)] * 3), st.tuples(*[st.integers(1, 9)] * 3))
def test_a_part_holds_the_same_voxels_and_nothing_outside(scenes, start, shape):
    volume = scenes.random_volume((5, 6, 7))
    part = volume.cropped(start, shape)
    for index in np.ndindex(*shape):
        voxel = tuple(np.add(index, start))
        if all(0 <= place < length for place, length in zip(voxel, (5, 6, 7), strict=True)):
            assert part.tsdf_m[index] == volume.tsdf_m[voxel]
            assert (part.rgb[index] == volume.rgb[voxel]).all()
            assert part.weight[index] == volume.weight[voxel]
        else:
            assert part.tsdf_m[index] == -np.inf and not part.weight[index]


def test_arrays_that_do_not_fit_the_grid_are_refused(scenes):
    volume = scenes.random_volume((3, 4, 5))
    with pytest.raises(DataError, match=r'rgb is \(3, 4, 5\), expected \(3, 4, 5, 3\)'):
        SceneVolume(volume.grid, volume.tsdf_m, volume.weight, volume.weight)
