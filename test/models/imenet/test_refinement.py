"""DCP: its parameters, its start, what its branches see and where they are evaluated."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ssc_ros.models.imenet.refinement import DCP2d, DCP3d, encode_labels

KINDS = pytest.mark.parametrize('kind', [DCP2d, DCP3d])
SHAPES: dict[Any, tuple[int, ...]] = {DCP2d: (8, 10), DCP3d: (8, 6, 4)}


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def scores_and_labels(kind: Any) -> tuple[Tensor, Tensor]:
    labels = torch.randint(0, 12, (2, *SHAPES[kind]), dtype=torch.uint8)
    return torch.randn(2, 12, *SHAPES[kind]), labels


def awake(kind: Any, **options: Any) -> Any:
    """Return a module whose correction and offsets are not zero."""
    module = kind(**options)
    for name, parameter in module.named_parameters():
        if name.startswith('correction') or '.offset.' in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return module


@pytest.mark.parametrize(('kind', 'evidence', 'count'), [
    (DCP2d, 'label', 3_804), (DCP2d, 'onehot', 36_276),
    (DCP3d, 'label', 9_792), (DCP3d, 'onehot', 110_475)])
def test_parameters_are_counted_exactly(kind: Any, evidence: str, count: int) -> None:
    assert sum(p.numel() for p in kind(evidence=evidence).parameters()) == count


def test_no_evidence_is_the_zero_vector_unless_class_0_is_asked_for() -> None:
    labels = torch.tensor([[0, 11, 1]], dtype=torch.uint8)
    code = encode_labels(labels, 12)
    assert not code[0, :, 0].any()
    assert code.sum(1).tolist() == [[0, 1, 1]] and code[0, 11, 1] == 1 and code[0, 1, 2] == 1
    named = encode_labels(labels, 12, 'class0')
    assert named[0, 0, 0] == 1 and named.sum() == 3


@KINDS
@pytest.mark.parametrize('evidence', ['label', 'onehot'])
def test_at_first_it_adds_the_code_of_the_labels(kind: Any, evidence: str) -> None:
    scores, labels = scores_and_labels(kind)
    refined = kind(evidence=evidence)(scores, labels)
    assert torch.equal(refined, scores + encode_labels(labels, 12))


@KINDS
def test_it_is_equation_1(kind: Any) -> None:
    scores, labels = scores_and_labels(kind)
    module = awake(kind, evidence='onehot')
    code = encode_labels(labels, 12)
    total = torch.stack([branch(code) for branch in module.branches]).sum(0)
    expected = scores + code + module.correction(total.relu())
    torch.testing.assert_close(module(scores, labels), expected)
    assert (module(scores, labels) - scores - code).min() < 0


@KINDS
def test_labels_are_read_as_numbers_up_to_one(kind: Any) -> None:
    scores, labels = scores_and_labels(kind)
    module, seen = awake(kind), []
    module.branches[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    module(scores, labels)
    torch.testing.assert_close(seen[0][:, 0], labels / 11)


@KINDS
def test_outside_a_mask_the_branches_count_as_zero(kind: Any) -> None:
    scores, labels = scores_and_labels(kind)
    module, mask = awake(kind, evidence='onehot'), torch.rand(2, *SHAPES[kind]) < 0.4
    everywhere, masked = module(scores, labels), module(scores, labels, mask)
    inside = mask[:, None].expand_as(masked)
    torch.testing.assert_close(masked[inside], everywhere[inside])
    bias = module.correction.bias.view(-1, *(1,) * len(SHAPES[kind]))
    rest = (scores + encode_labels(labels, 12) + bias)[~inside]
    torch.testing.assert_close(masked[~inside], rest)


@KINDS
def test_checkpoints_change_no_gradient(kind: Any) -> None:
    scores, labels = scores_and_labels(kind)
    module = awake(kind, evidence='onehot')
    gradients = []
    for module.checkpoints in (False, True):
        loss = module(scores, labels).sin().sum()
        gradients.append(torch.autograd.grad(loss, list(module.parameters())))
    for kept, again in zip(*gradients, strict=True):
        torch.testing.assert_close(kept, again)


@pytest.mark.parametrize('evidence', ['label', 'onehot'])
def test_half_the_resolution_repeats_the_correction_of_pooled_labels(evidence: Any) -> None:
    scores, labels = scores_and_labels(DCP3d)
    module = awake(DCP3d, evidence=evidence, grid='half')
    code, mask = encode_labels(labels, 12), torch.rand(2, *SHAPES[DCP3d]) < 0.1
    for where in (None, mask):
        correction = module(scores, labels, where) - scores - code
        blocks = correction.unfold(2, 2, 2).unfold(3, 2, 2).unfold(4, 2, 2).flatten(5)
        torch.testing.assert_close(blocks, blocks[..., :1].expand_as(blocks), atol=1e-5, rtol=1e-4)
        assert blocks.std() > 0


@KINDS
def test_plain_convolutions_have_no_offsets(kind: Any) -> None:
    scores, labels = scores_and_labels(kind)
    module = awake(kind, implementation='plain')
    assert not any('offset' in name for name, _ in module.named_parameters())
    assert module(scores, labels).shape == scores.shape
