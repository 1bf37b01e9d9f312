from __future__ import annotations

import pytest
import torch

from ssc_ros.models.occdepth.virtual_stereo import warp_to_virtual_view


def _ramp(height: int = 6, width: int = 20) -> torch.Tensor:
    """Features whose values are their own column and row."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    return torch.stack([columns, rows])[None].float()


@pytest.mark.parametrize(('depth_m', 'disparity'), [(2.0, 5.0), (4.0, 2.5)])
def test_features_move_left_by_their_disparity(depth_m, disparity):
    warped = warp_to_virtual_view(
        _ramp(), torch.full((1, 1, 12, 40), depth_m), torch.tensor([20.0]), 2)
    expected = (_ramp()[0, 0] + disparity).clamp(max=19)
    torch.testing.assert_close(warped[0, 0], expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(warped[0, 1], _ramp()[0, 1], atol=1e-5, rtol=0)


def test_missing_depth_moves_nothing():
    features = torch.randn(1, 3, 6, 20)
    warped = warp_to_virtual_view(features, torch.zeros(1, 1, 6, 20), torch.tensor([20.0]), 1)
    torch.testing.assert_close(warped, features, atol=1e-5, rtol=1e-5)


def test_every_sample_is_warped_with_its_own_depth_and_baseline():
    features = _ramp().repeat(3, 1, 1, 1)
    depth = torch.tensor([1.0, 2.0, 1.0]).view(3, 1, 1, 1).expand(3, 1, 6, 20)
    warped = warp_to_virtual_view(features, depth, torch.tensor([4.0, 4.0, -4.0]), 1)
    torch.testing.assert_close(
        warped[:, 0, 3, 10], torch.tensor([14.0, 12.0, 6.0]), atol=1e-4, rtol=0)


def test_official_parity_shifts_by_half_a_pixel_in_both_axes():
    warped = warp_to_virtual_view(
        _ramp(), torch.zeros(1, 1, 6, 20), torch.tensor([1.0]), 1, half_pixel_shift=True)
    torch.testing.assert_close(
        warped[0, :, 3, 10], torch.tensor([9.5, 2.5]), atol=1e-4, rtol=0)
