from __future__ import annotations

import torch

from ssc_ros.models.ammnet.inference.sparse_volume import filled_voxels
from ssc_ros.models.layers.projection import fill_holes


def test_filling_lists_of_voxels_equals_filling_volumes():
    torch.manual_seed(0)
    volume = torch.zeros(2, 6, 5, 4, 6)
    index = torch.nonzero(torch.rand(2, 5, 4, 6) < 0.08)
    values = torch.randn(len(index), 6).relu()  # single channels of visible voxels are holes, too
    volume[index[:, 0], :, index[:, 1], index[:, 2], index[:, 3]] = values
    found, filled = filled_voxels(index, values, 2, (5, 4, 6))
    expected = fill_holes(volume)
    rebuilt = torch.zeros_like(volume)
    rebuilt[found[:, 0], :, found[:, 1], found[:, 2], found[:, 3]] = filled
    torch.testing.assert_close(rebuilt, expected)
