from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.occdepth.depth_bins import DepthBins

KITTI = DepthBins('lid', 2.0, 54.0, 104)
NYU = DepthBins('lid', 0.0, 10.0, 125)


@pytest.mark.parametrize(('bins', 'depth_m', 'index'), [
    *((KITTI, *pair) for pair in (
        (2, 0), (2.5, 9.7591), (5, 24.6048), (10, 40.4909), (20, 60.9837), (28, 73.3935),
        (40, 88.8322), (54, 104))),
    *((NYU, *pair) for pair in (
        (0.5, 27.5669), (1, 39.1894), (2, 55.6271), (4, 78.8741), (8, 111.7508), (10, 125))),
])
def test_linearly_increasing_bins_match_values_computed_by_hand(bins, depth_m, index):
    assert bins.index(depth_m) == pytest.approx(index, abs=1e-4)


def test_depths_before_the_first_linearly_increasing_bin_have_no_index():
    assert np.isnan(KITTI.index(1.9))


@pytest.mark.parametrize(('depth_m', 'index'), [
    (2.5, 1), (5, 6), (10, 16), (20, 36), (28, 52), (40, 76), (54, 104)])
def test_uniform_bins_are_half_a_metre_wide_on_kitti(depth_m, index):
    assert np.floor(DepthBins('uniform', 2.0, 54.0, 104).index(depth_m)) == index


@pytest.mark.parametrize('spacing', ['lid', 'uniform', 'sid'])
@given(position=st.floats(0.01, 0.99), count=st.integers(1, 200))
def test_edges_enclose_the_depths_of_their_bin(spacing, position, count):
    bins = DepthBins(spacing, 0.25, 6.0, count)
    depth_m = 0.25 + position * 5.75
    edges = bins.edges_m()
    index = float(bins.index(depth_m))
    assert edges[int(index)] - 1e-6 <= depth_m <= edges[int(index) + 1] + 1e-6
    np.testing.assert_allclose(edges[[0, -1]], [0.25, 6.0])
    np.testing.assert_allclose(bins.index(edges), np.arange(count + 1), atol=1e-6)


@pytest.mark.parametrize('values', [
    ('log', 1.0, 2.0, 3), ('lid', 2.0, 1.0, 3), ('lid', -1.0, 1.0, 3), ('lid', 1.0, 2.0, 0)])
def test_impossible_bins_are_refused(values):
    with pytest.raises(ConfigurationError):
        DepthBins(*values)
