"""Attention over depth: the sums of its map, its identity cases and what makes it inert."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet.attention import DepthAttention, statistics_of

SHAPE = (2, 12, 6, 4, 10)
MODES = pytest.mark.parametrize('mode', ['global', 'column', 'danet'])


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def scores(amplitude: float = 1.0) -> Tensor:
    """Return one-hot volumes of a size, with some noise."""
    labels = torch.randint(0, 12, (2, *SHAPE[2:]))
    code = torch.nn.functional.one_hot(labels, 12).movedim(-1, 1).float()
    return amplitude * (code + 0.1 * torch.randn(SHAPE))


def recorded(volume: Tensor, mode: Any, scale: Any = 'none') -> DepthAttention:
    attention = DepthAttention(mode, scale)
    attention.records_statistics = True
    attention(volume)
    assert attention.statistics is not None
    return attention


@MODES
@pytest.mark.parametrize('scale', ['none', 'sqrt', 'dim'])
def test_what_a_slice_attends_to_sums_to_one(mode: Any, scale: Any) -> None:
    weights = DepthAttention(mode, scale).weights(torch.randn(3, 10, 20))
    torch.testing.assert_close(weights.sum(1), torch.ones(3, 10))


@MODES
def test_equal_slices_are_doubled(mode: Any) -> None:
    volume = torch.randn(*SHAPE[:-1], 1).expand(SHAPE)
    attention = DepthAttention(mode)
    if attention.gamma is not None:
        torch.nn.init.ones_(attention.gamma)
    torch.testing.assert_close(attention(volume), 2 * volume)


def test_it_is_equation_2() -> None:
    volume = torch.randn(SHAPE, dtype=torch.float64) / 4
    for mode, vectors in (
            ('global', volume.flatten(1, 3)), ('column', volume.permute(0, 2, 3, 1, 4))):
        expected = torch.empty_like(vectors)
        for j in range(SHAPE[-1]):
            energy = (vectors * vectors[..., j:j + 1]).sum(-2, keepdim=True)
            expected[..., j] = (energy.softmax(-1) * vectors).sum(-1) + vectors[..., j]
        if mode == 'column':
            expected = expected.permute(0, 3, 1, 2, 4)
        torch.testing.assert_close(
            DepthAttention(mode)(volume), expected.reshape(SHAPE))  # type: ignore[arg-type]


def test_reversed_affinity_prefers_unlike_slices() -> None:
    slices = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    weights = DepthAttention('danet').weights(slices)[0]
    assert weights[2, 0] > weights[1, 0]
    assert DepthAttention('global').weights(slices)[0, 2, 0] < 0.3


def test_the_literal_map_is_inert_on_scores_and_columns_are_not() -> None:
    volume = scores(3.0)
    inert = recorded(volume, 'global').statistics
    assert inert is not None and inert.mean_diagonal > 0.99 and inert.entropy < 0.01
    torch.testing.assert_close(DepthAttention('global')(volume), 2 * volume)
    alive = recorded(volume, 'column', 'sqrt').statistics
    assert alive is not None and alive.mean_diagonal < 0.9 and alive.entropy > 0.3


def test_statistics_of_an_identity_and_of_a_uniform_map() -> None:
    identity, uniform = torch.eye(5)[None], torch.full((2, 5, 5), 0.2)
    assert statistics_of(identity).mean_diagonal == 1
    assert statistics_of(identity).entropy == 0
    assert statistics_of(uniform).entropy.item() == pytest.approx(math.log(5), abs=1e-5)


def test_statistics_are_kept_only_when_asked_for() -> None:
    attention = DepthAttention('column')
    attention(scores())
    assert attention.statistics is None


@MODES
def test_a_learned_factor_starts_at_the_input(mode: Any) -> None:
    attention, volume = DepthAttention(mode, gamma='learned0'), scores()
    output = attention(volume)
    torch.testing.assert_close(output, volume)
    output.square().sum().backward()
    assert attention.gamma is not None and attention.gamma.grad is not None
    assert attention.gamma.grad.abs() > 0


def test_only_learned_factors_are_parameters() -> None:
    assert not list(DepthAttention('global').parameters())
    assert not list(DepthAttention('off', gamma='learned0').parameters())
    assert len(list(DepthAttention('danet').parameters())) == 1


@MODES
def test_free_space_has_no_say_if_masked(mode: Any) -> None:
    volume, nonfree = scores(), torch.rand(2, *SHAPE[2:]) < 0.5
    attention = DepthAttention(mode, 'sqrt', masked=True)
    other = volume.where(nonfree[:, None], torch.randn(SHAPE))
    torch.testing.assert_close(
        attention(volume, nonfree) - volume, attention(other, nonfree) - other)


def test_outside_the_mask_scores_keep_themselves() -> None:
    volume, nonfree = scores(), torch.rand(2, *SHAPE[2:]) < 0.5
    attention = DepthAttention('column', 'sqrt', 'learned0', masked=True)
    torch.testing.assert_close(attention(volume, nonfree), volume)


def test_without_a_mask_masked_attention_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='needs nonfree'):
        DepthAttention('column', masked=True)(scores())


def test_unknown_modes_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="'rows' must be global"):
        DepthAttention('rows')  # type: ignore[arg-type]


def test_off_returns_its_input() -> None:
    volume = scores()
    assert DepthAttention('off')(volume) is volume


def test_affinities_are_computed_in_single_precision() -> None:
    volume = scores(0.1)
    expected = DepthAttention('column')(volume)
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(DepthAttention('column')(volume), expected)
        half = DepthAttention('column')(volume.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), expected, atol=0.01, rtol=0.01)
