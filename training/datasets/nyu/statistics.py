"""Count what a package holds: classes, evaluation sets, visible voxels, distances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.labels import load_label_space
from ssc_ros.metrics import format_table, sketch_region

from .conventions import NUM_CLASSES
from .regions import surface
from .sample import NyuSample

# Upper ends, with half-open intervals below 0 and mirrored ones above: 0 stands alone.
TSDF_BINS = ('< -0.9', '[-0.9, -0.5)', '[-0.5, -0.1)', '[-0.1, 0)', '0', '(0, 0.1]', '(0.1, 0.5]',
             '(0.5, 0.9]', '> 0.9')
_NEGATIVE_EDGES = np.array([-0.9, -0.5, -0.1], np.float32)
_POSITIVE_EDGES = np.array([0.1, 0.5, 0.9], np.float32)


def _class_counts() -> NDArray[np.int64]:
    return np.zeros(NUM_CLASSES + 1, np.int64)


@dataclass(slots=True, eq=False)
class Statistics:
    """
    Sums over frames. Class counts have 13 entries: classes 0 to 11, then unknown.

    Attributes:
        whole: voxels of the grid by label.
        weighted: voxels inside the label weights by label.
        completion: voxels of the completion (SC) set by label.
        visible: visible voxels by label; visible_weighted: those inside the label weights.
        visible_per_frame: number of visible voxels of every frame.
        occupied_tsdf: occupied voxels by `TSDF_BINS`.
        tsdf_sum, tsdf_abs_sum: over all voxels.
    """

    whole: NDArray[np.int64] = field(default_factory=_class_counts)
    weighted: NDArray[np.int64] = field(default_factory=_class_counts)
    completion: NDArray[np.int64] = field(default_factory=_class_counts)
    visible: NDArray[np.int64] = field(default_factory=_class_counts)
    visible_weighted: NDArray[np.int64] = field(default_factory=_class_counts)
    visible_per_frame: list[int] = field(default_factory=list)
    occupied_tsdf: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(len(TSDF_BINS), np.int64))
    tsdf_sum: float = 0.0
    tsdf_abs_sum: float = 0.0

    def add(self, sample: NyuSample) -> None:
        """Count one frame."""
        labels, weight = sample.labels, sample.label_weight
        is_visible = surface(sample.pixel_of_voxel)
        region = sketch_region(labels, weight, sample.pixel_of_voxel)
        for counts, mask in (
                (self.whole, np.ones_like(weight)), (self.weighted, weight),
                (self.completion, region.occluded.reshape(labels.shape)),
                (self.visible, is_visible), (self.visible_weighted, is_visible & weight)):
            counts += _counted(labels[mask])
        self.visible_per_frame.append(int(is_visible.sum()))
        occupied = region.semantic.reshape(labels.shape) & (labels > 0)
        self.occupied_tsdf += np.bincount(
            tsdf_bins(sample.tsdf[occupied]), minlength=len(TSDF_BINS))
        self.tsdf_sum += float(sample.tsdf.sum(dtype=np.float64))
        self.tsdf_abs_sum += float(np.abs(sample.tsdf).sum(dtype=np.float64))

    @property
    def frames(self) -> int:
        """Number of frames counted."""
        return len(self.visible_per_frame)

    @property
    def ssc_voxels(self) -> int:
        """Voxels that semantic completion is scored on."""
        return int(self.weighted[:NUM_CLASSES].sum())

    @property
    def sc_voxels(self) -> int:
        """Voxels that completion is scored on."""
        return int(self.completion.sum())

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        names = ('whole', 'weighted', 'completion', 'visible', 'visible_weighted')
        return {
            'frames': self.frames, 'ssc_voxels': self.ssc_voxels, 'sc_voxels': self.sc_voxels,
            **{name: getattr(self, name).tolist() for name in names},
            'occupied_tsdf': dict(zip(TSDF_BINS, self.occupied_tsdf.tolist(), strict=True)),
            'tsdf_sum': self.tsdf_sum, 'tsdf_abs_sum': self.tsdf_abs_sum,
            'visible_min': min(self.visible_per_frame, default=0),
            'visible_mean': float(np.mean(self.visible_per_frame or [0])),
            'visible_max': max(self.visible_per_frame, default=0)}


def collect(samples: Iterable[NyuSample]) -> Statistics:
    """Count all samples."""
    statistics = Statistics()
    for sample in samples:
        statistics.add(sample)
    return statistics


def tsdf_bins(tsdf: NDArray[np.float32]) -> NDArray[np.int64]:
    """
    Return the index into `TSDF_BINS` of each value.

    >>> tsdf_bins(np.array([-1, -0.5, 0, 0.1, 1], np.float32)).tolist()
    [0, 2, 4, 5, 8]
    """
    below = np.searchsorted(_NEGATIVE_EDGES, tsdf, side='right')
    above = 5 + np.searchsorted(_POSITIVE_EDGES, tsdf, side='left')
    return np.where(tsdf < 0, below, np.where(tsdf > 0, above, 4)).astype(np.int64)


def format_statistics(statistics: Statistics) -> str:
    """Return the counts as text tables."""
    names = [*load_label_space('nyu12').names, 'unknown']
    classes = format_table(
        ['class', 'whole grid', 'inside weights', 'SC set', 'visible'],
        [[name, *(f'{counts[row]:,}' for counts in (
            statistics.whole, statistics.weighted, statistics.completion, statistics.visible))]
         for row, name in enumerate(names)])
    occupied = max(1, int(statistics.occupied_tsdf.sum()))
    distances = format_table(
        ['TSDF of occupied voxels', 'voxels', 'share'],
        [[name, f'{count:,}', f'{100 * count / occupied:.1f} %']
         for name, count in zip(TSDF_BINS, statistics.occupied_tsdf, strict=True)])
    summary = statistics.as_dict()
    weighted_share = statistics.visible_weighted.sum() / max(1, statistics.visible.sum())
    lines = [
        f'{statistics.frames} frames, {statistics.ssc_voxels:,} SSC voxels, '
        f'{statistics.sc_voxels:,} SC voxels',
        f'visible voxels per frame: {summary["visible_min"]} to {summary["visible_max"]}, mean '
        f'{summary["visible_mean"]:.0f}; {100 * weighted_share:.0f} % of them inside the weights',
        f'TSDF: sum {statistics.tsdf_sum:,.3f}, sum of magnitudes {statistics.tsdf_abs_sum:,.3f}']
    return '\n\n'.join([classes, distances, '\n'.join(lines)])


def _counted(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.bincount(np.minimum(labels, NUM_CLASSES), minlength=NUM_CLASSES + 1)
