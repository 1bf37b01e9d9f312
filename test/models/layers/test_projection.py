from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ssc_ros.models.layers.projection import (
    fill_holes,
    pixel_of_voxel_from,
    sample_features,
    scatter_to_volume,
    visible_voxels,
    voxel_of_pixel_from,
)

SIZE, GRID = (24, 32), (4, 2, 4)


def _mapping(batch: int = 2, count: int = 9) -> torch.Tensor:
    torch.manual_seed(0)
    mapping = torch.full((batch, 32), SIZE[0] * SIZE[1])
    for sample in mapping:
        sample[torch.randperm(32)[:count]] = torch.randperm(SIZE[0] * SIZE[1])[:count]
    return mapping


@pytest.mark.parametrize('align_corners', [False, True])
def test_sampling_equals_resizing_and_picking(align_corners):
    features, mapping = torch.randn(2, 5, 6, 8), _mapping()
    visible = visible_voxels(mapping, SIZE[0] * SIZE[1])
    resized = F.interpolate(features, SIZE, mode='bilinear', align_corners=align_corners)
    expected = resized.flatten(2)[visible.sample, :, visible.pixel]
    found = sample_features(features, visible, SIZE, align_corners=align_corners)
    torch.testing.assert_close(found, expected)


def test_sampled_features_learn():
    features = torch.randn(2, 5, 6, 8, requires_grad=True)
    visible = visible_voxels(_mapping(), SIZE[0] * SIZE[1])
    volume = scatter_to_volume(sample_features(features, visible, SIZE), visible, 2, GRID)
    volume.square().sum().backward()
    assert features.grad.abs().sum() > 0


def test_every_visible_voxel_takes_its_value_and_others_stay_zero():
    mapping = _mapping()
    visible = visible_voxels(mapping, SIZE[0] * SIZE[1])
    values = torch.arange(1.0, len(visible.voxel) + 1)[:, None]
    volume = scatter_to_volume(values, visible, 2, GRID)
    assert volume.shape == (2, 1, *GRID)
    assert torch.equal(volume.flatten(1) != 0, mapping < SIZE[0] * SIZE[1])
    assert torch.equal(volume.flatten(1)[visible.sample, visible.voxel], values[:, 0])


def test_coarse_cells_take_the_mean_of_their_visible_voxels():
    mapping = torch.full((1, 32), 999)
    mapping[0, [0, 1, 30]] = torch.tensor([5, 6, 7])  # two in the first cell, one in the last
    visible = visible_voxels(mapping, 999)
    values = torch.tensor([[2.0], [4.0], [9.0]])
    volume = scatter_to_volume(values, visible, 1, GRID, stride=2)
    assert volume.flatten().tolist() == [3.0, 0.0, 0.0, 9.0]


def test_holes_take_a_27th_of_the_sum_of_their_neighbours():
    volume = torch.zeros(1, 2, 5, 5, 5)
    volume[0, 0, 2, 2, 2] = 27.0
    filled = fill_holes(volume)
    assert filled[0, 0, 2, 2, 2] == 27.0 and filled[0, 0, 1, 1, 3] == 1.0
    assert filled[0, 0].sum() == 27 + 26 and not filled[0, 1].any()


def test_the_highest_of_several_pixels_of_a_voxel_wins():
    voxel_of_pixel = torch.tensor([[[3, -1, 3], [0, 3, -1]]])
    assert pixel_of_voxel_from(voxel_of_pixel, 5).tolist() == [[3, 6, 6, 4, 6]]


def test_both_mappings_invert_each_other():
    mapping = _mapping()
    assert torch.equal(pixel_of_voxel_from(voxel_of_pixel_from(mapping, SIZE), 32), mapping)
