"""Picture of a confusion matrix: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.viewer.drawing import FAINT_INK, Picture, Sheet, save_png

__all__ = ['confusion_picture', 'save_png']

_MARGIN, _TOP, _NAME_WIDTH, _SHARE_WIDTH = 20, 108, 150, 110
_CELL_PX = 20
# Share of a row's pixels, from none to all: white, the blue of the sheets, ink.
_STOPS = np.array([[255, 255, 255], [96, 148, 205], [22, 40, 84]], np.float64)


def confusion_picture(
    confusion: NDArray[np.int64], names: Sequence[str], *, title: str = 'confusions',
) -> Picture:
    """
    Draw the share of every true class (row) that is given each label (column).

    The darker, the more; columns are numbered as the rows are. Right of the rows stand recall
    and share of all pixels.

    Args:
        confusion: (C, C) pixel counts.
        names: of the C classes.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DataError: counts and names differ in number.
    """
    count = len(names)
    if confusion.shape != (count, count):
        raise DataError(f'confusion is {confusion.shape} for {count} names: leave out the row and '
                        'column of unlabelled pixels')
    totals = confusion.sum(axis=1)
    shares = confusion / np.maximum(totals, 1)[:, None]
    left = _MARGIN + _NAME_WIDTH
    right = left + _CELL_PX * count + 12
    sheet = Sheet(_TOP + _CELL_PX * count + _MARGIN, right + _SHARE_WIDTH + _MARGIN)
    sheet.text(title, _MARGIN, 20, size=22, is_bold=True)
    sheet.text('rows: truth, columns: label given; the darker, the larger the share of the row',
               _MARGIN, 52, size=14, color=FAINT_INK)
    sheet.paste(_cells(shares), left, _TOP)
    sheet.text('found', right, _TOP - 22, size=13, color=FAINT_INK)
    sheet.text('of all', right + 55, _TOP - 22, size=13, color=FAINT_INK)
    for index, name in enumerate(names):
        top = _TOP + _CELL_PX * index + 2
        sheet.text(str(index + 1), left + _CELL_PX * index + 2, _TOP - 22, size=12,
                   color=FAINT_INK)
        sheet.text(f'{index + 1} {name}', _MARGIN, top, size=14)
        found = f'{100 * shares[index, index]:.0f} %' if totals[index] else 'none'
        sheet.text(found, right, top, size=13)
        sheet.text(f'{100 * totals[index] / max(int(totals.sum()), 1):.1f} %', right + 55, top,
                   size=13)
    return sheet.array()


def _cells(shares: NDArray[np.float64]) -> Picture:
    """Colour (C, C) shares and enlarge them to cells."""
    # Square roots let the few per cent that most confusions are stand out.
    place = np.sqrt(shares) * (len(_STOPS) - 1)
    lower = np.minimum(place.astype(np.intp), len(_STOPS) - 2)
    weight = (place - lower)[..., None]
    colors = (1 - weight) * _STOPS[lower] + weight * _STOPS[lower + 1]
    enlarged: Picture = np.rint(colors).astype(np.uint8).repeat(_CELL_PX, 0).repeat(_CELL_PX, 1)
    enlarged[_CELL_PX - 1::_CELL_PX] = enlarged[:, _CELL_PX - 1::_CELL_PX] = 238
    return enlarged
