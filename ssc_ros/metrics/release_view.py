"""What the published evaluation code of GAD scores of a picture: not quite all of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NETWORK_SIZE = (240, 320)
CROP_SIZE = (228, 304)


def nearest_resize(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """
    Resize (H, W[, C]) to (h, w) by the pixel below each new pixel's centre, as Pillow does.

    >>> nearest_resize(np.arange(4)[None], (1, 2)).tolist()
    [[1, 3]]
    """
    rows, columns = (((np.arange(new) + 0.5) * old / new).astype(np.intp)
                     for new, old in zip(size, image.shape[:2], strict=True))
    resized: NDArray[Any] = image[rows[:, None], columns]
    return resized


def center_crop(image: NDArray[Any], size: tuple[int, int] = CROP_SIZE) -> NDArray[Any]:
    """Return the middle (h, w) of (H, W[, C]); of 240 x 320 what begins at row 6, column 8."""
    top, left = ((old - new) // 2 for old, new in zip(image.shape[:2], size, strict=True))
    return image[top:top + size[0], left:left + size[1]]


def release_target(labels: NDArray[Any], *, flips: bool) -> NDArray[Any]:
    """
    Return the truth that a prediction of a cropped image is compared with.

    It goes the way of the image: to 240 x 320, its middle 228 x 304, mirrored at random, and
    back to its own size, so that the outer 5 % are never scored.

    Args:
        labels: (H, W) ids; NYUv2 is 480 x 640.
        flips: whether this image is mirrored, with probability 0.5 in the published code.
    """
    middle = center_crop(nearest_resize(labels, NETWORK_SIZE))
    return nearest_resize(middle[:, ::-1] if flips else middle, labels.shape)
