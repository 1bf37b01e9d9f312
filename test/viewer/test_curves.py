"""Tests of drawn scores."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import DataError

pytest.importorskip('PIL')

from ssc_ros.viewer.curves import curves_picture

BLUE, ORANGE = (30, 119, 181), (255, 127, 12)


def test_each_line_has_its_colour_and_the_higher_score_lies_higher() -> None:
    picture = curves_picture(
        {'SS': [40, 42, 44], 'SSC': [10, 12, 11]}, title='run', count_name='rounds')
    rows = [np.nonzero((picture[90:] == color).all(axis=-1))[0].mean()
            for color in (BLUE, ORANGE)]
    assert rows[0] < rows[1]


def test_a_single_score_is_a_dot() -> None:
    picture = curves_picture({'SS': [40.0]}, title='run', count_name='rounds')
    assert ((picture[90:] == BLUE).all(axis=-1)).sum() > 20


def test_nothing_cannot_be_drawn() -> None:
    with pytest.raises(DataError, match='score the run first'):
        curves_picture({}, title='run', count_name='rounds')
