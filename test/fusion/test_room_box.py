"""Tests of the boxes of rooms."""

from __future__ import annotations

import numpy as np

from ssc_ros.fusion.room_box import RoomBox
from ssc_ros.fusion.volume_grid import VolumeGrid

TURNED = RoomBox((1.0, 2.0, 1.0), (2.0, 0.5, 1.0), yaw_rad=np.pi / 4)


def test_a_turned_box_holds_what_lies_along_its_diagonal():
    along, across = [1 + 1.3, 2 + 1.3, 1], [1 - 1.3, 2 + 1.3, 1]
    assert TURNED.contains([along, across, [1, 2, 2.1]]).tolist() == [True, False, False]
    assert TURNED.contains([[1, 2, 2.1]], margin_m=0.2).tolist() == [True]


def test_the_upright_box_around_it_touches_its_corners():
    low, high = TURNED.bounds_m()
    reach = (2.0 + 0.5) / np.sqrt(2)
    np.testing.assert_allclose(low, [1 - reach, 2 - reach, 0])
    np.testing.assert_allclose(high, [1 + reach, 2 + reach, 2])


def test_its_columns_cover_its_padded_ground():
    grid = VolumeGrid.around(*TURNED.bounds_m())
    columns = TURNED.columns(grid)
    assert columns.shape == grid.shape[1:]
    area = (2 * (2.0 + 0.12)) * (2 * (0.5 + 0.12))
    np.testing.assert_allclose(columns.sum() * 0.02 ** 2, area, rtol=0.02)
