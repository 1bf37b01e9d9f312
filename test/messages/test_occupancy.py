from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import make_rigid
from ssc_ros.labels import load_label_space
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.occupancy import (
    FREE,
    LETHAL,
    HeightBand,
    class_costs,
    decode_occupancy_grid,
    encode_occupancy_grid,
    occupancy_costs,
    parse_costs,
)

SPACE = load_label_space('nyu12')
COSTS = class_costs(SPACE, {'floor': 0, 'sofa': 60})
# 3 voxels along x, 2 along y, 4 along z; heights 0.5, 1.5, 2.5, 3.5.
XYZ_GRID = VoxelGrid((10.0, 20.0, 0.0), 1.0, (3, 2, 4), 'xyz')
BAND = HeightBand(1.0, 3.0)


def scene():
    labels = np.zeros((3, 2, 4), np.uint8)
    labels[0, 0, 1] = 5           # chair in the band
    labels[1, 0, 0] = 5           # chair below the band
    labels[2, 0, 3] = 1           # ceiling above the band
    labels[0, 1, 1] = 2           # floor costs nothing
    labels[1, 1, 1:3] = 7, 2      # sofa under something free
    labels[2, 1, :] = 255         # never labelled
    return labels


EXPECTED = [[100, 0, 0], [0, 60, -1]]


def test_the_highest_cost_within_the_height_band_counts():
    assert occupancy_costs(scene(), XYZ_GRID, COSTS, BAND).tolist() == EXPECTED


def test_the_axis_order_of_the_array_does_not_matter():
    grid = VoxelGrid((10.0, 20.0, 0.0), 1.0, (3, 4, 2), 'xzy')
    assert occupancy_costs(scene().transpose(0, 2, 1), grid, COSTS, BAND).tolist() == EXPECTED


def test_columns_that_nobody_observed_are_unknown():
    is_known = np.zeros((3, 2, 4), np.bool_)
    is_known[0, 0, 2] = is_known[1, 1, 1] = is_known[1, 0, 0] = True
    assert occupancy_costs(scene(), XYZ_GRID, COSTS, BAND, is_known).tolist() == [
        [0, -1, -1], [-1, 60, -1]]


def test_a_band_outside_the_grid_knows_nothing():
    flat = occupancy_costs(scene(), XYZ_GRID, COSTS, HeightBand(10.0, 11.0))
    assert (flat == -1).all() and flat.dtype == np.int8


def test_impossible_bands_and_costs_are_refused():
    with pytest.raises(ConfigurationError, match='is empty'):
        HeightBand(2.0, 2.0)
    for costs in ({'flor': 0}, {'floor': 101}, {'floor': -2}):
        with pytest.raises(ConfigurationError, match='is not possible'):
            class_costs(SPACE, costs)


def test_classes_cost_what_their_label_space_says_and_never_less_where_it_says_nothing():
    costs = class_costs(SPACE)
    assert [SPACE.names[i] for i in np.flatnonzero(costs == FREE)] == ['empty', 'floor']
    assert (costs[[1, *range(3, 12)]] == LETHAL).all() and (costs[12:] == -1).all()
    rooms = load_label_space('scannet15')
    assert class_costs(rooms)[rooms.names.index('door')] == 60


def test_an_own_label_space_without_costs_is_lethal_but_for_its_free_space():
    costs = class_costs(replace(SPACE, costs=None))
    assert costs[0] == FREE and (costs[1:12] == LETHAL).all()


@pytest.mark.parametrize('text', [
    'floor', 'floor:', ':3', 'floor:-1', 'floor:101', 'floor:1.5', 'floor:0,floor:1', 'floor:²'])
def test_what_is_no_cost_is_refused(text):
    with pytest.raises(ConfigurationError, match=r'name:cost'):
        parse_costs(text)


@pytest.mark.ros
def test_the_message_puts_each_cost_where_its_column_is():
    T = make_rigid([[0, -1, 0], [1, 0, 0], [0, 0, 1]], [1.0, 2.0, 0.5])
    costs = occupancy_costs(scene(), XYZ_GRID, COSTS, BAND)
    msg = encode_occupancy_grid(costs, XYZ_GRID, T, make_header(3, 'odom'))
    assert (msg.info.width, msg.info.height, msg.info.resolution) == (3, 2, 1.0)
    assert list(msg.data) == [100, 0, 0, 0, 60, -1]
    assert msg.header.frame_id == 'odom' and msg.info.map_load_time == msg.header.stamp
    position = msg.info.origin.position
    assert (position.x, position.y, position.z) == pytest.approx((1 - 20, 2 + 10, 0.5))
    assert msg.info.origin.orientation.z == pytest.approx(np.sqrt(0.5))
    np.testing.assert_array_equal(decode_occupancy_grid(msg), costs)
