"""
Scene estimates of many frames fused in one fixed frame, within a window around the robot.

Every cell keeps the log-odds of being occupied (Moravec and Elfes, ICRA 1985; Hornung et al.,
OctoMap, 2013) and one weighted count of votes per class. A cell holds either measured or
completed evidence, never a mixture: a measurement starts a completed cell anew, and a completion
never votes on a measured one. All evidence fades, at a rate that depends on the class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import SceneEstimate
from ssc_ros.fusion.temporal_settings import TemporalSettings
from ssc_ros.fusion.temporal_window import Indices, RollingWindow
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import transform_points
from ssc_ros.labels import IGNORE_ID, LabelSpace

# Weaker evidence is no evidence: the cell is unknown again.
FORGOTTEN_LOG_ODDS = 0.02
NANOSECONDS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class FusedVoxels:
    """
    Occupied cells of a map.

    Attributes:
        cells: (N, 3) int64 numbers of the cells, see ``RollingWindow``.
        points: (N, 3) float64 centres in the fixed frame, metres.
        labels: (N,) uint8 class with most votes.
        confidence: (N,) float32 probability of being occupied, times the share of the class.
        observed: (N,) bool: measured, the others are completed.
    """

    cells: NDArray[np.int64]
    points: NDArray[np.float64]
    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    observed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """
    What one frame says of N cells.

    Attributes:
        cells: (N,) flat positions in the window, each at most once.
        labels, confidence, observed: (N,) as in SceneEstimate.
    """

    cells: Indices
    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    observed: NDArray[np.bool_]

    def only(self, mask: NDArray[np.bool_]) -> Votes:
        """Return some of them."""
        return Votes(self.cells[mask], self.labels[mask], self.confidence[mask],
                     self.observed[mask])


@dataclass(slots=True, eq=False)
class Evidence:
    """
    What is known of N cells.

    Attributes:
        log_odds: (N,) float32, 0 = nothing known, as of ``stamp_ms``.
        counts: (N, classes) float32 weighted votes, as of ``stamp_ms``.
        label: (N,) uint8 class with most votes.
        is_observed: (N,) bool: measured evidence.
        stamp_ms: (N,) int32 time of the latest vote, since the first frame.
    """

    log_odds: NDArray[np.float32]
    counts: NDArray[np.float32]
    label: NDArray[np.uint8]
    is_observed: NDArray[np.bool_]
    stamp_ms: NDArray[np.int32]

    @classmethod
    def none(cls, num_cells: int, num_classes: int) -> Evidence:
        """Return what is known at first."""
        return cls(
            np.zeros(num_cells, np.float32), np.zeros((num_cells, num_classes), np.float32),
            np.zeros(num_cells, np.uint8), np.zeros(num_cells, np.bool_),
            np.zeros(num_cells, np.int32))

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """All arrays, in the order of the attributes."""
        return self.log_odds, self.counts, self.label, self.is_observed, self.stamp_ms


class TemporalMap:
    """
    The rolling map; not thread-safe.

    Args:
        label_space: of the estimates; its ``persistence`` says how long classes last.
        voxel_size_m: edge of the cells, best that of the estimates.
        origin_m: (x, y, z) in the fixed frame, lowest corner of one cell. Where its height is
            that of the boxes of the estimates, nothing is lost between layers.

    Attributes:
        stamp_ns: time of the latest frame, None before the first.
    """

    def __init__(
        self, label_space: LabelSpace, voxel_size_m: float,
        settings: TemporalSettings | None = None, *,
        origin_m: ArrayLike = (0.0, 0.0, 0.0),
    ) -> None:
        if label_space.empty_id is None:
            raise ConfigurationError(
                f'label space {label_space.name!r} has no empty class: only estimates of voxels '
                'can be fused')
        self.label_space = label_space
        self.settings = settings or TemporalSettings()
        self.stamp_ns: int | None = None
        self._empty_id = label_space.empty_id
        self._epoch_ns: int | None = None
        self.window = RollingWindow(
            window_shape(self.settings, voxel_size_m), voxel_size_m, self.settings.low_m, origin_m)
        self.evidence = Evidence.none(self.window.num_cells, len(label_space))

    @property
    def num_bytes(self) -> int:
        """Memory of all cells; it never grows."""
        return sum(array.nbytes for array in self.evidence.arrays)

    def reset(self) -> None:
        """Forget everything."""
        for array in self.evidence.arrays:
            array[:] = 0
        self.stamp_ns = self._epoch_ns = None

    def integrate(
        self, estimate: SceneEstimate, T_world_voxel: NDArray[np.float64],
        stamp_ns: int | None = None,
    ) -> None:
        """
        Let an estimate vote on the cells that its box covers.

        Args:
            T_world_voxel: (4, 4) transform of the estimate's voxel frame into the fixed frame.
            stamp_ns: when the images were taken; default: the stamp of the estimate.
        """
        self._set_time(estimate.stamp_ns if stamp_ns is None else stamp_ns)
        T_world_camera = T_world_voxel @ np.linalg.inv(estimate.T_camera_voxel)
        self._forget_left(self.window.move_over(T_world_camera[:3, 3]))
        cells, voxels = self.window.covered_by(estimate.grid, T_world_voxel)
        votes = Votes(cells, estimate.labels.reshape(-1)[voxels],
                      estimate.confidence.reshape(-1)[voxels],
                      estimate.observed.reshape(-1)[voxels])
        is_vote = (votes.labels < len(self.label_space)) & (votes.confidence > 0)
        self._vote(votes if is_vote.all() else votes.only(is_vote))

    def voxels(self) -> FusedVoxels:
        """Return the cells that are occupied at the time of the latest frame."""
        known = self.evidence
        cells = np.flatnonzero(known.log_odds > FORGOTTEN_LOG_ODDS)
        faded = self._faded_log_odds(cells)
        is_kept = faded > FORGOTTEN_LOG_ODDS
        cells, faded = cells[is_kept], faded[is_kept]
        numbers = self.window.cells_at(cells)
        return FusedVoxels(
            numbers, self.window.centers(numbers), known.label[cells],
            self._confidence(cells, faded), known.is_observed[cells])

    def faded(self) -> tuple[Indices, NDArray[np.float32], NDArray[np.float32]]:
        """
        Return the cells that something is known of at the time of the latest frame.

        Returns:
            (N,) flat positions in the window, (N,) log-odds and (N, classes) counts.
        """
        cells = np.flatnonzero(np.abs(self.evidence.log_odds) > FORGOTTEN_LOG_ODDS)
        faded = self._faded_log_odds(cells)
        is_kept = np.abs(faded) > FORGOTTEN_LOG_ODDS
        cells, faded = cells[is_kept], faded[is_kept]
        share = faded / self.evidence.log_odds[cells]
        return cells, faded, self.evidence.counts[cells] * share[:, None]

    def put(self, cells: Indices, evidence: Evidence) -> None:
        """Set what is known of some cells, given by flat position."""
        for kept, given in zip(self.evidence.arrays, evidence.arrays, strict=True):
            kept[cells] = given

    def sample(
        self, grid: VoxelGrid, T_world_voxel: NDArray[np.float64],
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """
        Read the map at the voxel centres of a box.

        Returns:
            labels in grid shape, the empty class where the cell is free and 255 where nothing is
            known; and whether they are observed.
        """
        numbers = self.window.cells_of(transform_points(T_world_voxel, grid.centers()))
        is_inside = self.window.contains(numbers)
        cells = self.window.flat_index(numbers)
        faded = self._faded_log_odds(cells)
        is_known = is_inside & (np.abs(faded) > FORGOTTEN_LOG_ODDS)
        labels = np.where(faded > 0, self.evidence.label[cells], np.uint8(self._empty_id))
        labels = np.where(is_known, labels, np.uint8(IGNORE_ID))
        observed = is_known & self.evidence.is_observed[cells]
        return labels.reshape(grid.shape), observed.reshape(grid.shape)

    def _set_time(self, stamp_ns: int) -> None:
        if self._epoch_ns is None:
            self._epoch_ns = stamp_ns
        self.stamp_ns = stamp_ns if self.stamp_ns is None else max(stamp_ns, self.stamp_ns)

    @property
    def _now_ms(self) -> int:
        if self.stamp_ns is None or self._epoch_ns is None:
            return 0
        return (self.stamp_ns - self._epoch_ns) // NANOSECONDS_PER_MS

    def _forget_left(self, left: list[tuple[int, Indices]]) -> None:
        for array in self.evidence.arrays:
            box = array.reshape(*self.window.shape, *array.shape[1:])
            for axis, positions in left:
                box[(slice(None),) * axis + (positions,)] = 0

    def _faded_log_odds(self, cells: Indices) -> NDArray[np.float32]:
        log_odds = self.evidence.log_odds[cells]
        faded: NDArray[np.float32] = log_odds * self._remaining(cells, log_odds)
        return faded

    def _remaining(
        self, cells: Indices, log_odds: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Return the share of the evidence of some cells that time has left."""
        # Free space fades as the empty class does, whatever stood there before.
        rates = self._fading_per_ms
        per_ms = np.where(log_odds > 0, rates[self.evidence.label[cells]], rates[self._empty_id])
        age_ms = (self._now_ms - self.evidence.stamp_ms[cells]).astype(np.float32)
        remaining: NDArray[np.float32] = np.exp2(-per_ms * age_ms)
        return remaining

    @property
    def _fading_per_ms(self) -> NDArray[np.float32]:
        """(256,) float32 half-lives per millisecond of every label."""
        rates = np.zeros(256, np.float32)
        if self.settings.half_life_s > 0:
            persistence = self.label_space.persistence_table
            rates[:] = 1e-3 / (self.settings.half_life_s * persistence)
        return rates

    def _confidence(
        self, cells: Indices, log_odds: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        counts = self.evidence.counts[cells]
        total = counts.sum(axis=1)
        votes = counts[np.arange(len(cells)), self.evidence.label[cells]]
        share = np.divide(votes, total, out=np.ones_like(votes), where=total > 0)
        confidence: NDArray[np.float32] = share / (1 + np.exp(-log_odds))
        return confidence

    def _vote(self, votes: Votes) -> None:
        known = self.evidence
        log_odds = known.log_odds[votes.cells]
        remaining = self._remaining(votes.cells, log_odds)
        before = log_odds * remaining
        is_measured = known.is_observed[votes.cells] & (np.abs(before) > FORGOTTEN_LOG_ODDS)
        may_vote = votes.observed | ~is_measured
        if not may_vote.all():
            votes, before, remaining, is_measured = (
                votes.only(may_vote), before[may_vote], remaining[may_vote],
                is_measured[may_vote])
        before[votes.observed & ~is_measured] = 0  # what was completed counts no more
        weight = self._weight(votes)
        is_occupied = votes.labels != self._empty_id
        limit = np.float32(self.settings.max_log_odds)
        known.log_odds[votes.cells] = np.clip(
            before + np.where(is_occupied, weight, -weight), -limit, limit)
        known.is_observed[votes.cells] = votes.observed
        known.stamp_ms[votes.cells] = self._now_ms
        # Where nothing stood before, the classes are counted anew.
        remaining[before <= 0] = 0
        self._count(votes.only(is_occupied), weight[is_occupied], remaining[is_occupied])

    def _weight(self, votes: Votes) -> NDArray[np.float32]:
        measured, completed = (np.float32(value) for value in (
            self.settings.observed_weight, self.settings.completed_weight))
        weight: NDArray[np.float32] = votes.confidence * np.where(
            votes.observed, measured, completed)
        return weight

    def _count(
        self, votes: Votes, weight: NDArray[np.float32], remaining: NDArray[np.float32],
    ) -> None:
        """Add votes of classes, after what was counted before has faded."""
        counts = self.evidence.counts[votes.cells]
        counts *= remaining[:, None]
        counts[np.arange(len(counts)), votes.labels] += weight
        self.evidence.counts[votes.cells] = counts
        self.evidence.label[votes.cells] = counts.argmax(axis=1)


def window_shape(settings: TemporalSettings, voxel_size_m: float) -> tuple[int, int, int]:
    """Return the (X, Y, Z) cells of the window of a map."""
    # Rounded first: 4.0 / 0.08 is a hair above 50.
    edge, height = (int(np.ceil(np.round(length / voxel_size_m, 6))) for length in (
        2 * settings.radius_m, settings.high_m - settings.low_m))
    return edge, edge, height


def map_bytes(settings: TemporalSettings, voxel_size_m: float, label_space: LabelSpace) -> int:
    """Return the memory that a map takes."""
    one_cell = sum(array.nbytes for array in Evidence.none(1, len(label_space)).arrays)
    return one_cell * math.prod(window_shape(settings, voxel_size_m))
