"""Tests of the iterations, with refiners that write down what they see."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet.inputs import CoarseScores, ImenetInputs
from ssc_ros.models.imenet.loop import first_iteration, iterate, pick_pixels, pick_voxels


class Call(NamedTuple):
    """One step: which branch, how large its scores were, which labels it saw."""

    branch: str
    scores: float
    labels: set[int]


class Bookkeeper:
    """Refiners whose scores favour the next class each time."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def step3d(self, f3d: Tensor, labels2d: Tensor, inputs: ImenetInputs) -> Tensor:
        return self._step('3d', f3d, labels2d)

    def step2d(self, f2d: Tensor, labels3d: Tensor, inputs: ImenetInputs) -> Tensor:
        return self._step('2d', f2d, labels3d)

    def _step(self, branch: str, scores: Tensor, labels: Tensor) -> Tensor:
        number = sum(call.branch == branch for call in self.calls) + 1
        self.calls.append(Call(branch, float(scores.sum()), set(labels.unique().tolist())))
        refined = torch.zeros_like(scores)
        refined[:, number + (5 if branch == '3d' else 0)] = 1
        return refined


@pytest.fixture
def inputs() -> ImenetInputs:
    return ImenetInputs(
        voxel_of_pixel=torch.zeros(1, 2, 2), nonfree=torch.ones(1, 2, 2, 2, dtype=torch.bool))


@pytest.fixture
def coarse() -> CoarseScores:
    f2d, f3d = torch.zeros(1, 12, 2, 2), torch.zeros(1, 12, 2, 2, 2)
    f2d[:, 11], f3d[:, 10] = 1, 1
    return CoarseScores(f2d, f3d)


def test_each_branch_starts_from_its_coarse_scores_and_sees_the_latest_labels(
    coarse, inputs,
) -> None:
    book = Bookkeeper()
    results = iterate(book, coarse, inputs, iterations=2, order='3d_first')
    assert book.calls == [
        Call('3d', 8, {11}), Call('2d', 4, {6}), Call('3d', 8, {1}), Call('2d', 4, {7})]
    assert [(set(each.labels2d.unique().tolist()), set(each.labels3d.unique().tolist()))
            for each in results] == [({11}, {10}), ({1}, {6}), ({2}, {7})]


def test_the_other_order_refines_pixels_first(coarse, inputs) -> None:
    book = Bookkeeper()
    iterate(book, coarse, inputs, iterations=1, order='2d_first')
    assert book.calls == [Call('2d', 4, {10}), Call('3d', 8, {1})]


@pytest.mark.parametrize('iterations', [-1, 7])
def test_too_many_iterations_are_refused(coarse, inputs, iterations) -> None:
    with pytest.raises(ConfigurationError, match='choose 0 to 6'):
        iterate(Bookkeeper(), coarse, inputs, iterations=iterations, order='3d_first')


def test_given_labels_stay_and_their_branch_is_not_refined(coarse, inputs) -> None:
    book = Bookkeeper()
    given = inputs._replace(pixel_labels=torch.full((1, 2, 2), 4, dtype=torch.uint8))
    last = iterate(book, coarse._replace(f2d=None), given, iterations=2, order='3d_first')[-1]
    assert [call.branch for call in book.calls] == ['3d', '3d']
    assert all(call.labels == {4} for call in book.calls)
    assert last.labels2d is given.pixel_labels


def test_unknown_voxels_of_given_labels_are_empty(coarse, inputs) -> None:
    labels = torch.full((1, 2, 2, 2), 255, dtype=torch.uint8)
    labels[0, 0] = 3
    given = inputs._replace(voxel_labels=labels)
    first = first_iteration(coarse._replace(f3d=None), given)
    assert first.labels3d.dtype == torch.uint8
    assert first.labels3d.flatten().tolist() == [3] * 4 + [0] * 4


def test_without_a_branch_there_is_nothing_to_exchange(coarse, inputs) -> None:
    book = Bookkeeper()
    last = iterate(
        book, coarse._replace(f3d=None), inputs, iterations=1, order='3d_first')[-1]
    assert not book.calls
    assert last.labels3d is None


def test_no_pixel_is_labelled_unlabelled() -> None:
    scores = torch.zeros(1, 12, 1, 2)
    scores[:, 0], scores[0, 3, 0, 1] = 9, 1
    labels = pick_pixels(scores)
    assert (labels.dtype, labels.tolist()) == (torch.uint8, [[[1, 3]]])


def test_free_space_is_empty_whatever_its_scores_say() -> None:
    scores = torch.zeros(1, 12, 1, 1, 3)
    scores[0, 5] = 1
    nonfree = torch.tensor([True, False, True]).view(1, 1, 1, 3)
    labels = pick_voxels(scores, nonfree)
    assert (labels.dtype, labels.flatten().tolist()) == (torch.uint8, [5, 0, 5])
