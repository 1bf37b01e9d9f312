"""Deformable convolutions: against plain ones, against all taps at once, and gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet import deformable_rows
from ssc_ros.models.imenet.deformable import DeformConv2d, DeformConv3d, _DeformConv

EXACT = 1e-10
KINDS = pytest.mark.parametrize('kind', [DeformConv2d, DeformConv3d])
SHAPES = {DeformConv2d: (7, 9), DeformConv3d: (7, 5, 6)}
Kind = type[_DeformConv]


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def layer_and_features(
    kind: Kind, *, channels: int = 4, out: int = 3, batch: int = 2, moves: float = 0.0,
    **options: int,
) -> tuple[_DeformConv, Tensor]:
    layer = kind(channels, out, **options).double()
    assert layer.offset is not None and layer.offset.bias is not None
    if moves:
        torch.nn.init.normal_(layer.offset.weight, std=moves / 4)
        torch.nn.init.normal_(layer.offset.bias, std=moves)
    return layer, torch.randn(batch, channels, *SHAPES[kind], dtype=torch.float64)


def plain(layer: _DeformConv, features: Tensor) -> Tensor:
    convolve: Callable[..., Tensor] = F.conv2d if layer.axes == 2 else F.conv3d
    return convolve(
        features, layer.weight, padding=layer.dilation, dilation=layer.dilation)


def all_taps_at_once(layer: _DeformConv, features: Tensor) -> Tensor:
    """Return what grid_sample gives."""
    assert layer.offset is not None
    shape, axes = features.shape[2:], layer.axes
    taps = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * axes) * layer.dilation
    cells = torch.stack(torch.meshgrid(*map(torch.arange, shape), indexing='ij'))
    offsets = layer.offset(features).unflatten(1, (layer.groups, len(taps), axes))
    positions = offsets + cells + taps.view(len(taps), axes, *(1,) * axes)
    lengths = torch.tensor(shape).view(axes, *(1,) * axes)
    normalised = (2 * positions / (lengths - 1) - 1).flip(3).movedim(3, -1)
    parts = features.unflatten(1, (layer.groups, -1))
    samples = [
        F.grid_sample(part, where.flatten(1, 2), align_corners=True).unflatten(
            2, (len(taps), shape[0]))
        for part, where in zip(parts.unbind(1), normalised.unbind(1), strict=True)]
    return torch.einsum(
        'bck...,ock->bo...', torch.cat(samples, 1), layer.weight.flatten(2))


@KINDS
@pytest.mark.parametrize('dilation', [1, 2, 3])
def test_at_rest_it_is_a_dilated_convolution(kind: Kind, dilation: int) -> None:
    layer, features = layer_and_features(kind, dilation=dilation)
    assert (layer(features) - plain(layer, features)).abs().max() < EXACT


@KINDS
def test_an_offset_of_one_shifts_the_input(kind: Kind) -> None:
    layer, features = layer_and_features(kind)
    for axis in range(layer.axes):
        torch.nn.init.zeros_(layer.offset.bias)
        with torch.no_grad():
            layer.offset.bias[axis::layer.axes] = 1.0
        # Padded first: what enters from beyond the border is zero, not what was rolled out.
        padded = F.pad(features, (2, 2) * layer.axes)
        shifted = plain(layer, padded.roll(-1, 2 + axis))
        inside = (..., *(slice(2, -2),) * layer.axes)
        assert (layer(features) - shifted[inside]).abs().max() < EXACT


@KINDS
@pytest.mark.parametrize('options', [{'dilation': 2}, {'groups': 2}, {'channels': 1}])
def test_values_and_gradients_are_those_of_sampling_all_taps_at_once(
    kind: Kind, options: dict[str, int],
) -> None:
    layer, features = layer_and_features(kind, moves=1.5, **options)
    results = []
    for forward in (layer, lambda x: all_taps_at_once(layer, x)):
        leaf = features.clone().requires_grad_()
        output = forward(leaf)
        gradients = torch.autograd.grad(output.sin().sum(), [leaf, *layer.parameters()])
        results.append((output, *gradients))
    for ours, expected in zip(*results, strict=True):
        assert (ours - expected).abs().max() < EXACT * expected.abs().max().clamp(min=1)


@KINDS
@pytest.mark.parametrize('groups', [1, 2])
def test_gradients_are_exact(kind: Kind, groups: int) -> None:
    layer, features = layer_and_features(
        kind, channels=2, out=2, batch=1, moves=0.7, groups=groups)
    features = features[(..., *(slice(3),) * layer.axes)].clone().requires_grad_()
    names = [name for name, _ in layer.named_parameters()]

    def forward(leaf: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(
            layer, dict(zip(names, parameters, strict=True)), (leaf,))

    assert torch.autograd.gradcheck(forward, (features, *layer.parameters()), fast_mode=True)


@KINDS
def test_taps_far_outside_are_zero_and_learn_nothing(kind: Kind) -> None:
    layer, features = layer_and_features(kind)
    for offset in (-1e4, 1e4):
        torch.nn.init.constant_(layer.offset.bias, offset)
        layer.zero_grad()
        output = layer(features)
        output.sum().backward()
        assert output.abs().max() == 0
        assert layer.offset.bias.grad.abs().max() == 0


@KINDS
def test_two_groups_are_two_convolutions(kind: Kind) -> None:
    both, features = layer_and_features(kind, groups=2, moves=1.0)
    total = torch.zeros(())
    for group in range(2):
        half, _ = layer_and_features(kind, channels=2)
        with torch.no_grad():
            half.weight.copy_(both.weight[:, 2 * group:2 * group + 2])
        positions = both.offset(features).chunk(2, dim=1)[group]
        # Offsets of a convolution that sees both halves.
        half.offset.forward = lambda _, positions=positions: positions
        total = total + all_taps_at_once(half, features[:, 2 * group:2 * group + 2])
    assert (both(features) - total).abs().max() < EXACT


@KINDS
@pytest.mark.parametrize('share', [0.1, 0.9])
def test_inside_a_mask_nothing_changes_and_outside_it_is_zero(kind: Kind, share: float) -> None:
    layer, features = layer_and_features(kind, moves=1.0)
    mask = torch.rand(2, *SHAPES[kind]) < share
    leaf = features.clone().requires_grad_()
    everywhere, masked = layer(leaf) * mask[:, None], layer(leaf, mask)
    assert (everywhere - masked).abs().max() < EXACT
    gradients = [
        torch.autograd.grad(output.sin().sum(), [leaf, *layer.parameters()])
        for output in (everywhere, masked)]
    for expected, ours in zip(*gradients, strict=True):
        assert (expected - ours).abs().max() < EXACT


@KINDS
def test_an_empty_mask_gives_zeros(kind: Kind) -> None:
    layer, features = layer_and_features(kind)
    assert not layer(features, torch.zeros(2, *SHAPES[kind], dtype=torch.bool)).any()


@KINDS
@pytest.mark.parametrize('groups', [1, 2])
def test_skipping_taps_between_empty_cells_changes_nothing(
    kind: Kind, groups: int, monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, features = layer_and_features(kind, moves=1.0, groups=groups)
    features *= torch.rand(2, 1, *SHAPES[kind]) < 0.02
    assert features.any()
    results = []
    for limit in (1.0, 0.0):
        monkeypatch.setattr(deformable_rows, 'MAX_SKIPPED_OCCUPANCY', limit)
        output = layer(features)
        results.append((output, *torch.autograd.grad(output.sin().sum(), layer.parameters())))
    for skipped, expected in zip(*results, strict=True):
        assert (skipped - expected).abs().max() < EXACT


@KINDS
def test_the_size_of_chunks_does_not_matter(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, features = layer_and_features(kind, moves=1.0)
    whole = layer(features)
    monkeypatch.setattr(deformable_rows, 'CHUNK_CPU', 7)
    assert (layer(features) - whole).abs().max() < EXACT


@KINDS
def test_plain_has_no_offsets_and_is_a_dilated_convolution(kind: Kind) -> None:
    layer = kind(4, 3, dilation=2, implementation='plain')
    features = torch.randn(2, 4, *SHAPES[kind])
    mask = torch.rand(2, *SHAPES[kind]) < 0.5
    assert [name for name, _ in layer.named_parameters()] == ['weight']
    torch.testing.assert_close(layer(features, mask), plain(layer, features) * mask[:, None])


@KINDS
def test_autocast_does_not_round_positions(kind: Kind) -> None:
    layer, features = layer_and_features(kind, moves=1.0)
    layer.float()
    expected = layer(features.float())
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(layer(features.float()), expected)
        assert layer(features.bfloat16()).dtype == torch.float32


def test_channels_that_do_not_split_are_refused() -> None:
    with pytest.raises(ConfigurationError, match='12 channels cannot be split into 5'):
        DeformConv2d(12, 3, groups=5)
