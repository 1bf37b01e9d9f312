"""Tests of SC and SSC counting."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import DataError
from ssc_ros.metrics import CompletionCounts

TARGET = [0, 1, 2, 3, 255, 0, 1, 1]
PREDICTION = [0, 1, 1, 0, 3, 2, 1, 0]

voxels = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2, 3, 255])), min_size=1, max_size=60
)


def counts_of(pairs: list[tuple[int, int]]) -> CompletionCounts:
    counts = CompletionCounts(4)
    counts.update([prediction for prediction, _ in pairs], [target for _, target in pairs])
    return counts


def test_hand_counted_volume_gives_the_hand_computed_scores() -> None:
    counts = CompletionCounts(4)
    counts.update(PREDICTION, TARGET)
    scores = counts.scores()
    assert (scores.sc_precision, scores.sc_recall, scores.sc_iou) == (0.75, 0.6, 0.5)
    assert scores.class_iou == pytest.approx((0.25, 0.5, 0, 0), abs=1e-5)
    assert scores.ssc_miou == pytest.approx(0.16667, abs=1e-5)
    assert counts.num_voxels == 7


@given(voxels)
def test_sc_iou_follows_from_precision_and_recall(pairs: list[tuple[int, int]]) -> None:
    scores = counts_of([(1, 1), *pairs]).scores()
    assert scores.sc_iou == pytest.approx(1 / (1 / scores.sc_precision + 1 / scores.sc_recall - 1))


@given(voxels, st.integers(0, 60))
def test_batches_count_like_one_big_batch(pairs: list[tuple[int, int]], cut: int) -> None:
    streamed = CompletionCounts(4)
    for part in (pairs[:cut], pairs[cut:]):
        streamed.update(
            np.array([prediction for prediction, _ in part], np.uint8),
            np.array([target for _, target in part], np.uint8),
        )
    assert streamed.scores() == counts_of(pairs).scores()


@given(voxels, voxels)
def test_counts_of_two_workers_add_up(
    first: list[tuple[int, int]], second: list[tuple[int, int]]
) -> None:
    merged = counts_of(first) + counts_of(second)
    assert np.array_equal(merged.confusion, counts_of(first + second).confusion)


@given(voxels)
def test_ignored_voxels_never_change_a_number(pairs: list[tuple[int, int]]) -> None:
    known = [(prediction, target) for prediction, target in pairs if target != 255]
    known = known or [(0, 255)]
    assert counts_of(pairs).scores() == counts_of(known).scores()


@given(voxels)
def test_scores_agree_with_a_voxel_by_voxel_count(pairs: list[tuple[int, int]]) -> None:
    known = [(prediction, target) for prediction, target in pairs if target != 255]
    hits = sum(prediction > 0 and target > 0 for prediction, target in known)
    union = sum(prediction > 0 or target > 0 for prediction, target in known)
    scores = counts_of(pairs).scores()
    assert scores.sc_iou == (hits / union if union else 0)
    for label in range(4):
        hits = sum(prediction == target == label for prediction, target in known)
        union = sum(label in pair for pair in known)
        assert scores.class_iou[label] == pytest.approx(hits / (union + 1e-5))


def test_mask_removes_voxels() -> None:
    masked, cut = CompletionCounts(4), CompletionCounts(4)
    masked.update(PREDICTION, TARGET, mask=[1, 1, 1, 0, 1, 0, 1, 0])
    cut.update([0, 1, 1, 1], [0, 1, 2, 1])
    assert np.array_equal(masked.confusion, cut.confusion)


def test_torch_tensors_are_accepted() -> None:
    torch = pytest.importorskip('torch')
    counts = CompletionCounts(4)
    counts.update(torch.tensor(PREDICTION), torch.tensor(TARGET), torch.ones(8, dtype=torch.bool))
    assert counts.scores().sc_iou == 0.5


def test_ignored_target_may_carry_any_prediction() -> None:
    counts = CompletionCounts(4)
    counts.update([77, 1], [255, 1])
    assert counts.num_voxels == 1


def test_nothing_counted_scores_zero() -> None:
    scores = CompletionCounts(3).scores()
    assert (scores.sc_iou, scores.ssc_miou, scores.class_iou) == (0, 0, (0, 0, 0))


def test_reset_forgets_everything() -> None:
    counts = counts_of([(1, 1), (0, 1)])
    counts.reset()
    assert counts.num_voxels == 0


def test_scores_become_plain_json() -> None:
    entry = counts_of([(1, 1)]).scores().as_dict(['empty', 'floor', 'wall', 'chair'])
    assert list(json.loads(json.dumps(entry))['per_class_iou']) == ['floor', 'wall', 'chair']


@pytest.mark.parametrize(
    ('prediction', 'target', 'mask', 'message'),
    [
        ([0, 1], [0], None, 'prediction is'),
        ([0], [0], [1, 1], 'mask is'),
        ([4], [0], None, 'prediction holds ids 4..4'),
        ([0], [17], None, 'target holds ids 17..17'),
        ([-1], [1], None, 'prediction holds ids -1..-1'),
    ],
)
def test_wrong_volumes_are_refused(
    prediction: list[int], target: list[int], mask: list[int] | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        CompletionCounts(4).update(prediction, target, mask)


def test_counts_of_different_label_spaces_do_not_add() -> None:
    with pytest.raises(DataError, match='label space'):
        CompletionCounts(4) + CompletionCounts(5)


def test_a_label_space_needs_two_classes_below_the_ignored_id() -> None:
    with pytest.raises(DataError, match='num_classes is 256'):
        CompletionCounts(256)
