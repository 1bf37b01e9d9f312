"""An image with the class, and perhaps the depth, of its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError

MAX_DEPTH_M = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """
    A colour image with its truth.

    Attributes:
        frame_id: name of the image within its data set.
        rgb: (H, W, 3) uint8.
        labels: (H, W) uint8, 0 = unlabelled, classes from 1 on.
        depth_m: (H, W) float32 along the optical axis, 0 = unknown; None where there is none.
        has_sparse_depth: depth is known at single pixels only.
        focal_length_px: along x, where the data set says so.
    """

    frame_id: str
    rgb: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    depth_m: NDArray[np.float32] | None = None
    has_sparse_depth: bool = False
    focal_length_px: float | None = None


class LabelledImages(Sequence[LabelledImage]):
    """
    Images of a split, read when asked for; subclasses read one by its name.

    Attributes:
        names: of the images.
        num_classes: labels are 0 to this number.
    """

    names: Sequence[Any]
    num_classes: int

    def read(self, name: Any) -> LabelledImage:
        """Read and check one image."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> LabelledImage: ...
    @overload
    def __getitem__(self, index: slice) -> list[LabelledImage]: ...
    def __getitem__(self, index: int | slice) -> LabelledImage | list[LabelledImage]:
        if isinstance(index, slice):
            return [self.read(name) for name in self.names[index]]
        return self.read(self.names[index])


class ImageReader(Protocol):
    """What a data set of numbered images offers in any layout."""

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the numbers of the images of a split, counted from 1."""

    def read(self, number: int, /) -> LabelledImage:
        """Read and check one image."""


class NumberedImages(LabelledImages):
    """
    Images of a split that a reader finds by their numbers.

    Args:
        split: one that the reader knows, or numbers of images.

    Attributes:
        title: what errors call an image.
    """

    title: str

    def __init__(self, reader: ImageReader, split: str | Sequence[int]) -> None:
        self.reader = reader
        self.names = reader.ids(split) if isinstance(split, str) else tuple(split)

    def read(self, name: int) -> LabelledImage:
        """Read image `name`."""
        return check_sizes(self.reader.read(name), self.title.format(name))


def checked_labels(ids: NDArray[Any], num_classes: int, origin: str) -> NDArray[np.uint8]:
    """
    Return ids as uint8, 255 as 0.

    Raises:
        DataError: an id lies outside 0 to num_classes; the file is named.
    """
    labels = np.where(ids == 255, 0, ids)
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= num_classes:
        wrong = labels[(labels < 0) | (labels > num_classes)].flat[0]
        raise DataError(f'{origin} holds label {wrong}, expected 0 to {num_classes}: it is of '
                        'another label set')
    return labels.astype(np.uint8)


def check_sizes(image: LabelledImage, origin: str) -> LabelledImage:
    """Return an image whose parts are of one size, or raise a DataError."""
    sizes = {'image': image.rgb.shape[:2], 'labels': image.labels.shape}
    if image.depth_m is not None:
        sizes['depth'] = image.depth_m.shape
    if len(set(sizes.values())) > 1:
        raise DataError(f'{origin}: sizes differ: {sizes}; the files belong to different images')
    return image
