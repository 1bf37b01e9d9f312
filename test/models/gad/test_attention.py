"""Fused and windowed attention are the plain formulas, without the map of all weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ssc_ros.models.gad.attention import global_attention, local_attention


def maps(height: int, width: int, channels: int = 4, scale: float = 1.0) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(scale * torch.randn(2, channels, height, width, generator=generator)
                 for _ in range(3))


def naive(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Spell the formula out."""
    query, key, value = (each.flatten(2) for each in (query, key, value))
    affinity = torch.einsum('bci,bcj->bij', query, key).softmax(dim=2)
    return torch.einsum('bij,bcj->bci', affinity, value)


def chunked(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    """Take some rows of the affinity after the other."""
    parts = query.flatten(2).split(rows, dim=2)
    return torch.cat([naive(part, key, value) for part in parts], dim=2)


class LargestTensor(TorchDispatchMode):
    """Remembers how many numbers the largest tensor of any operation held."""

    numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.numbers = max(self.numbers, leaf.numel())
        return result


def test_fused_chunked_and_naive_agree():
    query, key, value = maps(20, 24, 32)
    fused = global_attention(query, key, value).flatten(2)
    torch.testing.assert_close(fused, naive(query, key, value), atol=1e-4, rtol=0)
    torch.testing.assert_close(fused, chunked(query, key, value, 100), atol=1e-4, rtol=0)


def test_gradients_are_those_of_the_formula():
    arguments = [each.requires_grad_() for each in maps(5, 6)]
    found = torch.autograd.grad(global_attention(*arguments).square().sum(), arguments)
    expected = torch.autograd.grad(naive(*arguments).square().sum(), arguments)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_training_never_holds_the_affinity_of_all_positions():
    arguments = [each[:1].requires_grad_() for each in maps(40, 50, 32)]
    with LargestTensor() as largest:
        global_attention(*arguments).sum().backward()
    assert largest.numbers <= 2 * arguments[0].numel() < 2000 ** 2 / 30


def test_rows_of_the_affinity_sum_to_one():
    query, key, _ = maps(6, 7)
    torch.testing.assert_close(
        global_attention(query, key, torch.ones_like(query)), torch.ones_like(query))


def test_permuting_positions_permutes_the_output():
    arguments = maps(5, 6)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    shuffled = [each.flatten(2)[..., order].view_as(each) for each in arguments]
    expected = global_attention(*arguments).flatten(2)[..., order]
    torch.testing.assert_close(global_attention(*shuffled).flatten(2), expected)


def test_keys_may_be_fewer_than_queries():
    query, _, _ = maps(6, 8)
    _, key, value = maps(3, 4)
    torch.testing.assert_close(
        global_attention(query, key, value).flatten(2), naive(query, key, value))


def test_logits_stay_in_single_precision_under_autocast():
    arguments = maps(6, 7, scale=4)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = global_attention(*arguments), local_attention(*arguments, window=3)
    assert found[0].dtype == found[1].dtype == torch.float32
    torch.testing.assert_close(found[0], global_attention(*arguments))
    torch.testing.assert_close(found[1], local_attention(*arguments, window=3))


def test_a_window_over_everything_is_global():
    arguments = maps(4, 5)
    torch.testing.assert_close(
        local_attention(*arguments, window=9), global_attention(*arguments))


@pytest.mark.parametrize('window', [1, 3, 5])
def test_a_window_is_the_formula_with_far_positions_masked(window):
    query, key, value = maps(6, 7)
    rows, columns = (each.flatten() for each in torch.meshgrid(
        torch.arange(6), torch.arange(7), indexing='ij'))
    is_far = torch.maximum(
        (rows[:, None] - rows).abs(), (columns[:, None] - columns).abs()) > window // 2
    logits = torch.einsum('bci,bcj->bij', query.flatten(2), key.flatten(2))
    weights = logits.masked_fill(is_far, -torch.inf).softmax(dim=2)
    expected = torch.einsum('bij,bcj->bci', weights, value.flatten(2))
    torch.testing.assert_close(
        local_attention(query, key, value, window=window).flatten(2), expected)


def test_gradients_of_a_window_are_finite():
    arguments = [each.requires_grad_() for each in maps(4, 5)]
    local_attention(*arguments, window=3).sum().backward()
    assert all(torch.isfinite(each.grad).all() for each in arguments)
