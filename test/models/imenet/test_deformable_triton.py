"""The CUDA kernels compute what the chunks of rows do."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import Tensor

from ssc_ros.models.imenet.deformable import DeformConv2d, DeformConv3d, uses_kernels
from ssc_ros.models.imenet.deformable_rows import RowConvolution
from ssc_ros.models.imenet.deformable_taps import TapGrid

TOLERANCE = 1e-3
KERNELS = 'ssc_ros.models.imenet.deformable_triton'
# Shape, channels, outputs, groups, dilation.
CASES: tuple[tuple[Any, ...], ...] = (
    ((5, 4, 6), 4, 3, 2, 1), ((7, 9), 6, 5, 1, 2), ((5, 4, 6), 1, 20, 1, 3))
NO_TRITON = 'needs triton, which comes with torch for CUDA'


def chunks(table: Tensor, offsets: Tensor, weight: Tensor, cells: Tensor, grid: TapGrid) -> Tensor:
    output: Tensor = RowConvolution.apply(table, offsets, None, weight, cells, grid)
    return output


def values_and_gradients(
    function: Any, shape: tuple[int, ...], channels: int, out: int, groups: int, dilation: int,
    device: str = 'cpu',
) -> list[Tensor]:
    """Return output and gradients of table, offsets and weight, for cells of a random mask."""
    torch.manual_seed(0)
    grid, taps = TapGrid(shape, dilation, groups), 3 ** len(shape)
    cells = grid.cells(torch.rand(shape) < 0.8, torch.device('cpu')).to(device)
    tensors = [
        grid.table_of(torch.randn(channels, *shape)),
        2 * torch.randn(cells.shape[1], len(shape) * taps * groups),
        torch.randn(taps * channels, out) / 4]
    leaves = [tensor.to(device).requires_grad_() for tensor in tensors]
    output = function(*leaves, cells, grid)
    return [part.cpu() for part in (
        output, *torch.autograd.grad(output.sin().sum(), leaves))]


@pytest.mark.gpu
@pytest.mark.skipif(find_spec('triton') is None, reason=NO_TRITON)
@pytest.mark.parametrize('case', CASES)
def test_kernels_on_a_gpu_give_the_same(case: tuple[Any, ...]) -> None:
    kernels = importlib.import_module(KERNELS).TritonConvolution.apply
    on_cpu = values_and_gradients(chunks, *case)
    on_gpu = values_and_gradients(kernels, *case, device='cuda')
    for own, other in zip(on_gpu, on_cpu, strict=True):
        assert (own - other).abs().max() < TOLERANCE


@pytest.mark.gpu
@pytest.mark.parametrize('case', CASES)
def test_chunks_on_a_gpu_give_the_same(case: tuple[Any, ...]) -> None:
    on_cpu, on_gpu = (
        values_and_gradients(chunks, *case, device=device) for device in ('cpu', 'cuda'))
    for own, other in zip(on_gpu, on_cpu, strict=True):
        assert (own - other).abs().max() < TOLERANCE


@pytest.mark.gpu
@pytest.mark.parametrize('kind', [DeformConv2d, DeformConv3d])
def test_layers_give_the_same_on_a_gpu(kind: Any) -> None:
    torch.manual_seed(0)
    layer = kind(12, 32, dilation=3)
    torch.nn.init.normal_(layer.offset.weight, std=0.1)
    features = torch.randn(2, 12, *(16, 12, 20)[-layer.axes:])
    mask = torch.rand(2, *features.shape[2:]) < 0.3
    for where in (None, mask):
        expected = layer.cpu()(features, where)
        ours = layer.cuda()(features.cuda(), None if where is None else where.cuda())
        assert (ours.cpu() - expected).abs().max() < TOLERANCE


def test_a_cpu_needs_no_triton() -> None:
    assert not uses_kernels(torch.zeros(1, 1))
    assert KERNELS not in sys.modules
