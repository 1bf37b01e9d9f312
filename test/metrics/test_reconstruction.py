"""Scores of completed scenes, against values computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.metrics import ReconstructionCounts, SurfaceTruth
from ssc_ros.metrics.reconstruction import dilated

# One row of eight voxels: surface at 1 to 4, the last of which nobody has seen; free elsewhere.
TRUTH = {
    'tsdf_voxels': [3, 0.5, -0.5, 0, 0.9, 2, 3, 3], 'known': [0, 1, 1, 1, 2, 0, 0, 0],
    'labels': [255, 0, 0, 1, 1, 255, 255, 255]}
# Surface at 1, 4 and 7; the label of each voxel.
TSDF = [3, 0.2, 1.5, 3, 0, 3, 3, -0.3]
LABELS = [0, 0, 1, 1, 1, 1, 1, 2]


def row(values: list[Any]) -> np.ndarray:
    return np.array(values).reshape(1, 1, -1)


def truth(**changes: Any) -> SurfaceTruth:
    return SurfaceTruth(**{name: row(values) for name, values in {**TRUTH, **changes}.items()})


def counted(**changes: Any) -> ReconstructionCounts:
    counts = ReconstructionCounts(3)
    counts.add('room', row(TSDF), row(LABELS), truth(**changes))
    return counts


def test_geometry_is_scored_where_something_is_known():
    scores = counted().geometry()
    # Truth 1, 2, 3; prediction 1, 7.
    assert scores.iou == scores.pooled_iou == pytest.approx(1 / 4)
    assert scores.recall == scores.pooled_recall == pytest.approx(1 / 3)
    # 2 lies beside 1, and 3 beside the unseen 4.
    assert scores.tolerant_recall == 1


def test_geometry_is_averaged_over_scenes_and_pooled():
    counts = counted()
    counts.add('bed', row([0.0]), row([1]), SurfaceTruth(row([0.0]), row([1]), row([1])))
    counts.add('void', row([3.0]), row([1]), SurfaceTruth(row([3.0]), row([0]), row([255])))
    scores = counts.geometry()
    assert scores.iou == pytest.approx((1 / 4 + 1) / 2)
    assert scores.recall == pytest.approx((1 / 3 + 1) / 2)
    assert scores.pooled_iou == pytest.approx(2 / 5)
    assert scores.pooled_recall == pytest.approx(2 / 4)


def test_labels_alone_are_compared_at_labelled_surface_voxels():
    scores = counted().semantics()
    # Truth 0, 0, 1, 1 at voxels 1 to 4, answers 0, 1, 1, 1.
    assert scores.class_accuracy[:2] == (0.5, 1)
    assert scores.class_iou[:2] == pytest.approx((1 / 2, 2 / 3))
    assert np.isnan(scores.class_iou[2])
    assert scores.mean_iou == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_strict_scores_ask_for_a_surface_and_count_false_ones():
    # No surface near voxel 2 any more; a false one of class 1 at voxel 6.
    tsdf = [3, 3, 3, 3, 0, 3, 0.5, 3]
    counts = ReconstructionCounts(3)
    counts.add('room', row(tsdf), row(LABELS), truth())
    strict, plain = counts.semantics(strict=True), counts.semantics()
    # At 1 and 2 nothing is predicted; 3 and 4 are right, 6 is a false alarm of class 1.
    assert strict.class_accuracy[:2] == (0, 1)
    assert strict.class_iou[:2] == pytest.approx((0, 2 / 3))
    assert strict.mean_iou == pytest.approx(1 / 3)
    assert plain.mean_iou == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize(('code', 'class_iou', 'iou'), [(0, 2 / 4, 1 / 4), (1, 2 / 3, 1 / 4),
                                                        (2, 2 / 3, 1 / 3)])
def test_false_alarms_are_surfaces_in_free_space(code, class_iou, iou):
    counts = ReconstructionCounts(3)
    known = [*TRUTH['known'][:-1], code]
    counts.add('room', row(TSDF), row([*LABELS[:-1], 1]), truth(known=known))
    assert counts.semantics(strict=True).class_iou[1] == pytest.approx(class_iou)
    assert counts.geometry().iou == pytest.approx(iou)


def test_what_lies_outside_the_room_is_not_scored():
    inside = [True] * 7 + [False]
    scores = counted(inside=inside).geometry()
    assert scores.iou == pytest.approx(1 / 3)


@pytest.mark.parametrize('strict', [False, True])
def test_the_truth_scores_one_hundred_percent(strict):
    rng = np.random.default_rng(0)
    tsdf, known = rng.uniform(-3, 3, (4, 5, 6)), rng.integers(0, 4, (4, 5, 6))
    labels = rng.integers(0, 3, tsdf.shape).astype(np.uint8)
    counts = ReconstructionCounts(3)
    counts.add('room', torch.from_numpy(tsdf), labels, SurfaceTruth(tsdf, known, labels))
    geometry, semantics = counts.geometry(), counts.semantics(strict=strict)
    assert geometry.iou == geometry.recall == geometry.tolerant_recall == 1
    assert semantics.mean_iou == semantics.mean_accuracy == semantics.pixel_accuracy == 1


def test_geometry_is_scored_without_labels():
    counts = ReconstructionCounts(3)
    counts.add('input', row([*TSDF[:-1], -np.inf]), None, truth())
    assert counts.geometry().iou == pytest.approx(1 / 3)
    assert counts.semantics().mean_iou == counts.semantics(strict=True).mean_iou == 0


def test_workers_join_and_scenes_count_once():
    one, both = counted(), counted()
    other = ReconstructionCounts(3)
    other.add('bed', row([0.0]), row([1]), SurfaceTruth(row([0.0]), row([1]), row([1])))
    both.add('bed', row([0.0]), row([1]), SurfaceTruth(row([0.0]), row([1]), row([1])))
    total = one + other + one
    assert total.scene_ids == ('bed', 'room')
    assert total.geometry() == both.geometry()
    assert total.semantics(strict=True).class_iou[:2] == both.semantics(strict=True).class_iou[:2]
    with pytest.raises(DataError, match='room was counted before'):
        one.add('room', row([0.0] * 8), row(LABELS), truth())


def test_wrong_shapes_and_ids_are_refused():
    with pytest.raises(DataError, match='prediction is'):
        ReconstructionCounts(3).add('room', row([0.0]), None, truth())
    with pytest.raises(DataError, match=r'expected 0\.\.3'):
        ReconstructionCounts(3).add('room', row(TSDF), row([7] * 8), truth())


@given(st.integers(0, 2**12 - 1))
def test_dilation_reaches_every_neighbour_and_no_farther(bits):
    mask = np.array([bits >> index & 1 for index in range(12)], bool).reshape(2, 2, 3)
    cells = np.argwhere(mask)
    expected = np.zeros_like(mask)
    for cell in np.ndindex(mask.shape):
        expected[cell] = len(cells) > 0 and np.abs(cells - cell).max(axis=1).min() <= 1
    assert np.array_equal(dilated(mask), expected)
