"""Tests of the picture of confusions."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import DataError

pytest.importorskip('PIL')

from ssc_ros.viewer.confusion import confusion_picture

CELL = 20


def cell(picture: np.ndarray, row: int, column: int) -> list[int]:
    return picture[108 + CELL * row + 5, 170 + CELL * column + 5].tolist()


def test_a_cell_is_as_dark_as_the_share_of_its_row() -> None:
    confusion = np.array([[9, 1, 0], [0, 0, 0], [0, 500, 500]])
    picture = confusion_picture(confusion, ['wall', 'floor', 'chair'])
    assert picture.dtype == np.uint8
    assert cell(picture, 0, 2) == cell(picture, 1, 1) == [255, 255, 255]
    assert cell(picture, 2, 1) == cell(picture, 2, 2)
    assert sum(cell(picture, 0, 0)) < sum(cell(picture, 2, 2)) < sum(cell(picture, 0, 1)) < 765


def test_forty_classes_fit_on_a_sheet() -> None:
    rng = np.random.default_rng(0)
    picture = confusion_picture(rng.integers(0, 100, (40, 40)), [f'class {i}' for i in range(40)])
    assert picture.shape == (108 + 40 * CELL + 20, 170 + 40 * CELL + 12 + 130, 3)


def test_counts_must_fit_the_names() -> None:
    with pytest.raises(DataError, match=r'confusion is \(3, 3\) for 2 names'):
        confusion_picture(np.zeros((3, 3), np.int64), ['a', 'b'])
