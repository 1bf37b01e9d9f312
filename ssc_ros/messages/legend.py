"""The colours of the classes as a picture, for viewers that show images."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.labels import LabelSpace
from ssc_ros.messages.images import encode_image

# Entries stand below each other in columns of at most so many, all in pixels.
COLUMN_ENTRIES = 14
ROW_PX, SWATCH_PX, MARGIN_PX = 26, 18, 8
_BACKGROUND, _INK = (255, 255, 255), (38, 44, 56)
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.5


def encode_legend(label_space: LabelSpace, header: Any) -> Any:
    """Return a sensor_msgs/Image (rgb8) with colour and name of every class but the empty one."""
    return encode_image(draw_legend(label_space), 'rgb8', header)


def draw_legend(label_space: LabelSpace) -> NDArray[np.uint8]:
    """Return the (H, W, 3) uint8 RGB picture of encode_legend()."""
    ids = label_space.occupied_ids
    columns = [ids[first:first + COLUMN_ENTRIES] for first in range(0, len(ids), COLUMN_ENTRIES)]
    return np.hstack([_column(label_space, column, len(columns[0])) for column in columns])


def _column(
    label_space: LabelSpace, ids: tuple[int, ...], num_rows: int,
) -> NDArray[np.uint8]:
    text_left = MARGIN_PX + SWATCH_PX + MARGIN_PX
    widths = [cv2.getTextSize(label_space.names[i], _FONT, _FONT_SCALE, 1)[0][0] for i in ids]
    size = num_rows * ROW_PX + MARGIN_PX, text_left + max(widths) + MARGIN_PX, 3
    picture = np.full(size, _BACKGROUND, np.uint8)
    for row, index in enumerate(ids):
        top = MARGIN_PX + row * ROW_PX
        picture[top:top + SWATCH_PX, MARGIN_PX:MARGIN_PX + SWATCH_PX] = label_space.colors[index]
        cv2.putText(picture, label_space.names[index], (text_left, top + SWATCH_PX - 5), _FONT,
                    _FONT_SCALE, _INK, 1, cv2.LINE_AA)
    return picture
