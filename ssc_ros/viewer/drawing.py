"""Text, legends and image overlays, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import LabelSpace

try:
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:
    raise ConfigurationError(
        'pictures need the package Pillow, which is not installed: '
        'pip install "ssc_ros[viewer]"') from error

INK = (38, 44, 56)
FAINT_INK = (112, 120, 134)
_SWATCH_PX = 16

Picture = NDArray[np.uint8]


class Sheet:
    """A white canvas for pictures and text; coordinates are pixels from the top left."""

    def __init__(self, height: int, width: int) -> None:
        self._image = Image.new('RGB', (width, height), (255, 255, 255))
        self._draw = ImageDraw.Draw(self._image)

    def paste(self, picture: Picture, left: int, top: int) -> None:
        """Place a picture and a thin frame around it."""
        self._image.paste(Image.fromarray(picture), (left, top))
        height, width = picture.shape[:2]
        self._draw.rectangle((left - 1, top - 1, left + width, top + height), outline=(205,) * 3)

    def text(
        self, text: str, left: int, top: int, *, size: int = 16,
        color: tuple[int, int, int] = INK, is_bold: bool = False,
    ) -> int:
        """Write one line and return its right end."""
        font = ImageFont.load_default(size)
        # The built-in font has one weight; a second pass beside the first thickens it.
        for shift in (0, 0.5) if is_bold else (0,):
            self._draw.text((left + shift, top), text, fill=color, font=font)
        return left + round(self._draw.textlength(text, font=font))

    def swatch(self, color: Sequence[int], left: int, top: int) -> None:
        """Draw the colour box of a legend entry."""
        box = (left, top, left + _SWATCH_PX, top + _SWATCH_PX)
        red, green, blue = (int(value) for value in color)
        self._draw.rounded_rectangle(box, 3, fill=(red, green, blue), outline=(120,) * 3)

    def line(
        self, points: Sequence[tuple[float, float]], *, color: tuple[int, int, int] = INK,
        width: int = 1, has_dots: bool = False,
    ) -> None:
        """Draw a line through (left, top) points, with a dot at each where asked for."""
        self._draw.line(list(points), fill=color, width=width, joint='curve')
        for left, top in points if has_dots else ():
            self._draw.ellipse((left - 4, top - 4, left + 4, top + 4), fill=color)

    def array(self) -> Picture:
        """Return the (H, W, 3) uint8 RGB picture."""
        return np.asarray(self._image, np.uint8).copy()


def draw_legend(
    sheet: Sheet, space: LabelSpace, ids: Sequence[int], left: int, top: int, *, width: int,
) -> int:
    """Write swatch and name of each class in lines of the given width; return the lower end."""
    x, y = left, top
    for index in ids:
        name = space.names[index]
        if x + _SWATCH_PX + 30 + 9 * len(name) > left + width:
            x, y = left, y + 26
        sheet.swatch(space.colors[index], x, y)
        x = sheet.text(name, x + _SWATCH_PX + 7, y - 1, size=15) + 22
    return y + 26


def fit(image: Picture, height: int, width: int) -> Picture:
    """Shrink or enlarge a picture to fit a box and centre it on a pale ground."""
    scale = min(height / image.shape[0], width / image.shape[1])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    resized = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    canvas = np.full((height, width, 3), 244, np.uint8)
    top, left = (height - size[1]) // 2, (width - size[0]) // 2
    canvas[top:top + size[1], left:left + size[0]] = resized
    return canvas


def save_png(picture: Picture, path: Path | str) -> None:
    """Write a picture and, where missing, the folder it goes to."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
