"""Pictures of scores over a count: of iterations, of rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor

from ssc_ros.errors import DataError
from ssc_ros.viewer.drawing import FAINT_INK, Picture, Sheet

_LEFT, _TOP, _PLOT_WIDTH, _PLOT_HEIGHT, _BOTTOM = 70, 96, 560, 340, 60
_COLORS = ((30, 119, 181), (255, 127, 12), (43, 160, 43), (214, 38, 40), (147, 102, 188))
_GRID = (226, 230, 236)
_STEP_PERCENT = 5


def curves_picture(
    curves: Mapping[str, Sequence[float]], *, title: str, count_name: str,
    ticks: Sequence[str] | None = None,
) -> Picture:
    """
    Draw scores over a count, one line each, their points evenly spaced.

    Args:
        curves: name of each line, and its scores in percent.
        count_name: what is counted along the horizontal axis.
        ticks: the count at each point; 0, 1, ... by default.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DataError: there is nothing to draw.
    """
    values = [value for curve in curves.values() for value in curve]
    if not values:
        raise DataError('there are no scores to draw: score the run first')
    low = _STEP_PERCENT * floor(min(values) / _STEP_PERCENT)
    high = max(_STEP_PERCENT * ceil(max(values) / _STEP_PERCENT), low + _STEP_PERCENT)
    last = max(max(map(len, curves.values())) - 1, 1)
    sheet = Sheet(_TOP + _PLOT_HEIGHT + _BOTTOM, _LEFT + _PLOT_WIDTH + 30)
    sheet.text(title, 20, 18, size=20, is_bold=True)

    def place(count: float, value: float) -> tuple[float, float]:
        return (_LEFT + _PLOT_WIDTH * count / last,
                _TOP + _PLOT_HEIGHT * (high - value) / (high - low))
    for level in range(low, high + 1, _STEP_PERCENT):
        left, top = place(0, level)
        sheet.line([(left, top), place(last, level)], color=_GRID)
        sheet.text(f'{level} %', 20, round(top) - 9, size=14, color=FAINT_INK)
    for count, tick in enumerate(ticks or map(str, range(last + 1))):
        left, top = place(count, low)
        sheet.text(tick, round(left) - 4 * len(tick), round(top) + 8, size=14, color=FAINT_INK)
    sheet.text(count_name, _LEFT, _TOP + _PLOT_HEIGHT + 30, size=14, color=FAINT_INK)
    x = _LEFT
    for index, (name, curve) in enumerate(curves.items()):
        color = _COLORS[index % len(_COLORS)]
        sheet.swatch(color, x, 58)
        x = sheet.text(name, x + 22, 57, size=15) + 24
        sheet.line([place(*point) for point in enumerate(curve)], color=color, width=3,
                   has_dots=True)
    return sheet.array()
