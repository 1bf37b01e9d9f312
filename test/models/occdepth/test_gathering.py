from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ssc_ros.models.occdepth.gathering import Lookup, feature_rows, make_lookup

ALL = slice(None)


def _taken(maps: torch.Tensor, pixels: torch.Tensor, scale: int, gather: str) -> torch.Tensor:
    """Take (B, V, C, h, w) maps at (B, V, N, 2) pixels, as (V, B N, C)."""
    batch, views, voxels = pixels.shape[:3]
    numbers = torch.arange(batch * views).view(batch, views, 1).expand(batch, views, voxels)
    lookup = make_lookup(
        pixels.transpose(0, 1).flatten(1, 2), numbers.transpose(0, 1).flatten(1),
        tuple(maps.shape[-2:]), scale, gather)
    rows = feature_rows(maps)
    return torch.stack([lookup.take(rows, view, ALL) for view in range(views)])


@pytest.mark.parametrize('scale', [1, 2, 4])
def test_nearest_takes_the_cell_that_holds_the_pixel(scale):
    maps = torch.randn(2, 2, 3, 24 // scale, 32 // scale)
    pixels = torch.stack([
        torch.randint(0, 32, (2, 2, 50)), torch.randint(0, 24, (2, 2, 50))], dim=-1)
    taken = _taken(maps, pixels, scale, 'nearest').view(2, 2, 50, 3)
    for view in range(2):
        for sample in range(2):
            for voxel in (0, 17, 49):
                u, v = pixels[sample, view, voxel].tolist()
                expected = maps[sample, view, :, v // scale, u // scale]
                torch.testing.assert_close(taken[view, sample, voxel], expected)


@pytest.mark.parametrize('scale', [1, 2, 8])
def test_bilinear_agrees_with_grid_sampling_between_pixel_centres(scale):
    maps = torch.randn(1, 1, 3, 24 // scale, 32 // scale)
    pixels = torch.rand(1, 1, 200, 2) * torch.tensor([40.0, 30.0]) - 4
    grid = (pixels + 0.5) / torch.tensor([32.0, 24.0]) * 2 - 1
    expected = F.grid_sample(maps[0], grid, padding_mode='border', align_corners=False)
    torch.testing.assert_close(
        _taken(maps, pixels, scale, 'bilinear')[0], expected[0, :, 0].T, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('gather', ['nearest', 'bilinear'])
def test_wild_pixels_read_something_finite_inside_the_map(gather):
    wild = torch.tensor([[-1e9, 3.0], [1e9, 1e9], [-1.0, -1.0], [31.0, 23.0]])[None, None]
    if gather == 'nearest':
        wild = wild.long()
    else:
        wild = torch.cat([wild, torch.full((1, 1, 1, 2), float('nan')),
                          torch.full((1, 1, 1, 2), float('inf'))], dim=2)
    assert torch.isfinite(_taken(torch.randn(1, 1, 3, 24, 32), wild, 1, gather)).all()


@pytest.mark.parametrize('corners', [1, 4])
def test_scattering_is_the_adjoint_of_taking(corners):
    cells = torch.randint(0, 40, (1, 30, corners))
    weights = torch.rand(1, 30, corners, dtype=torch.float64) if corners > 1 else None
    lookup = Lookup(cells, weights)
    rows = torch.randn(40, 5, dtype=torch.float64)
    values = torch.randn(30, 5, dtype=torch.float64)
    scattered = torch.zeros_like(rows)
    lookup.scatter_add(scattered, 0, ALL, values)
    torch.testing.assert_close(
        (lookup.take(rows, 0, ALL) * values).sum(), (rows * scattered).sum())
