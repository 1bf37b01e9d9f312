"""Recompute the volumes of a package from the raw release and compare."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssc_ros.errors import DataError

from .conventions import SUBDIVISION
from .convert import (
    ConversionOptions,
    RawFrame,
    find_raw_frames,
    load_and_convert,
)
from .regions import surface
from .sample import NyuSample
from .samples import NyuSamples
from .writer import ConvertedFrame

# Rounding decides the sign of single fine cells; more than this is another rule.
MAX_FLIPPED_CELLS = 5
MAX_MAPPING_SHARE = 1e-3
_TSDF_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Difference:
    """
    How a stored frame differs from the recomputed one; all None where there is no raw frame.

    Attributes:
        tsdf: voxels whose TSDF differs by more than 1e-6.
        tsdf_max: largest difference.
        mapping, labels, weights: voxels that differ.
        visible: voxels that own a pixel.
    """

    frame_id: int
    tsdf: int | None = None
    tsdf_max: float | None = None
    mapping: int | None = None
    labels: int | None = None
    weights: int | None = None
    visible: int | None = None

    @property
    def is_compared(self) -> bool:
        """Whether a raw frame was at hand."""
        return self.tsdf is not None

    @property
    def is_acceptable(self) -> bool:
        """Whether only single cells differ, as rounding makes them."""
        if self.tsdf is None or self.tsdf_max is None or self.mapping is None or not self.visible:
            return not self.is_compared
        limit = MAX_FLIPPED_CELLS / SUBDIVISION ** 3 + _TSDF_TOLERANCE
        return (self.tsdf <= MAX_FLIPPED_CELLS and self.tsdf_max <= limit
                and self.mapping <= MAX_MAPPING_SHARE * self.visible
                and not self.labels and not self.weights)


def compare(sample: NyuSample, converted: ConvertedFrame) -> Difference:
    """Count the voxels in which a stored frame differs from a recomputed one."""
    gaps = np.abs(sample.tsdf.astype(np.float64) - converted.tsdf)
    return Difference(
        sample.frame_id, int((gaps > _TSDF_TOLERANCE).sum()), float(gaps.max()),
        int((sample.pixel_of_voxel != converted.pixel_of_voxel).sum()),
        int((sample.labels != converted.labels).sum()),
        int((sample.label_weight != converted.label_weight).sum()),
        int(surface(sample.pixel_of_voxel).sum()))


def verify(
    samples: NyuSamples, raw_root: Path | None, source: str = 'NYU',
    options: ConversionOptions | None = None,
) -> Iterator[Difference]:
    """
    Read every frame, which checks it, and compare those whose raw files are at hand.

    Raises:
        DataError: a file is damaged or breaks a rule of the benchmark.
    """
    raw_frames: dict[int, RawFrame] = {}
    if raw_root is not None:
        raw_frames = find_raw_frames(raw_root, source)
        if not set(raw_frames) & set(samples.frame_ids):
            raise DataError(f'{raw_root} and the package have no frame in common: give the '
                            'release that the package was made from')
    for sample in samples:
        frame = raw_frames.get(sample.frame_id)
        yield Difference(sample.frame_id) if frame is None else compare(
            sample, load_and_convert(frame, options or ConversionOptions()))
