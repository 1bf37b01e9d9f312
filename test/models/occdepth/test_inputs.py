from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssc_ros.models.batches import collate, to_device
from ssc_ros.models.occdepth.inputs import build_tables, mirrored
from ssc_ros.models.occdepth.presets import load_preset

# Voxel of the 0.4 m grid -> left u, v and right u, v computed by hand, and whether both see it.
KITTI_PIXELS = {
    (10, 64, 4): ((580, 207), (482, 207), True),
    (25, 64, 4): ((597, 191), (558, 191), True),
    (50, 40, 3): ((949, 197), (930, 197), True),
    (100, 64, 6): ((605, 168), (595, 168), True),
    (127, 127, 15): ((248, 123), (240, 123), True),
    (20, 64, 15): ((591, -208), (542, -208), False),
    (5, 64, 4): ((551, 234), (351, 235), True),
    (12, 80, 4): ((-391, 210), (-472, 210), False),
}
NYU_PIXELS = {(30, 20, 15): (330, 255), (10, 40, 5): (104, 359), (50, 59, 0): (482, 364)}


@pytest.fixture(scope='module')
def kitti(reference):
    return build_tables(
        load_preset('k3'), reference.KITTI_GRID, reference.kitti_poses(),
        [reference.KITTI_CAMERA] * 2)


@pytest.fixture(scope='module')
def nyu(reference):
    return build_tables(
        load_preset('n4'), reference.NYU_GRID, [reference.NYU_T_CAMERA_VOXEL],
        [reference.NYU_CAMERA])


@pytest.mark.parametrize('voxel', KITTI_PIXELS)
def test_kitti_voxels_fall_on_the_pixels_computed_by_hand(kitti, voxel):
    left, right, is_seen = KITTI_PIXELS[voxel]
    index = np.ravel_multi_index(voxel, (128, 128, 16))
    assert kitti.pixels[0, :, index].tolist() == [list(left), list(right)]
    assert kitti.in_view[0, :, index].tolist() == [is_seen, is_seen]


def test_as_many_kitti_voxels_are_in_view_as_counted_by_the_official_code(kitti):
    seen = kitti.in_view[0]
    assert seen.sum(-1).tolist() == [176742, 176691]
    assert (seen.all(0).sum().item(), seen.any(0).sum().item()) == (175500, 177933)


def test_both_kitti_views_reach_the_share_of_voxels_that_the_official_prior_does(kitti):
    inside = (kitti.depth_grid[0].abs() <= 1).all(-1).any(0)
    assert inside.float().mean().item() == pytest.approx(0.6812, abs=0.01)


@pytest.mark.parametrize('voxel', NYU_PIXELS)
def test_nyu_voxels_are_indexed_by_x_up_forward(nyu, voxel):
    x, y, z = voxel
    index = np.ravel_multi_index((x, z, y), (60, 36, 60))
    assert tuple(nyu.pixels[0, 0, index].tolist()) == NYU_PIXELS[voxel]


def test_virtual_stereo_adds_a_camera_to_the_right(nyu):
    seen = nyu.in_view[0]
    assert seen.sum(-1).tolist() == [78932, 78849]
    assert seen.all(0).sum().item() == 77626
    assert nyu.focal_baseline.item() == pytest.approx(51.88579)
    assert nyu.depth_grid is None


def test_raising_the_box_by_a_voxel_shifts_the_rows_by_a_voxel(tiny, make_inputs, reference):
    config = load_preset('k3')
    x, y, z = reference.KITTI_GRID.origin_m
    raised = build_tables(
        config, replace(reference.KITTI_GRID, origin_m=(x, y, z + 0.4)), reference.kitti_poses(),
        [reference.KITTI_CAMERA] * 2)
    below = build_tables(
        config, reference.KITTI_GRID, reference.kitti_poses(), [reference.KITTI_CAMERA] * 2)
    rows_raised = raised.pixels.view(1, 2, 128, 128, 16, 2)[..., :15, :]
    rows_below = below.pixels.view(1, 2, 128, 128, 16, 2)[..., 1:, :]
    in_view = below.in_view.view(1, 2, 128, 128, 16)[..., 1:]
    assert (rows_raised[in_view] - rows_below[in_view]).abs().max() <= 1
    assert ((rows_raised == rows_below).all(-1) | ~in_view).float().mean() > 0.999


@pytest.mark.parametrize('gather', ['nearest', 'bilinear'])
def test_pixels_are_rounded_only_for_the_nearest_gather(tiny, make_inputs, gather):
    pixels = make_inputs(replace(tiny, gather=gather)).pixels
    assert pixels.dtype == (torch.int64 if gather == 'nearest' else torch.float32)


def test_collating_keeps_samples_apart(tiny, make_inputs):
    level, pitched = make_inputs(tiny, pitch_rad=0.0), make_inputs(tiny, pitch_rad=0.3)
    batch = collate([level, pitched])
    for joined, first, second in zip(batch, level, pitched, strict=True):
        if joined is None:
            assert first is None
        else:
            torch.testing.assert_close(joined[:1], first)
            torch.testing.assert_close(joined[1:], second)


def test_mirroring_moves_columns_to_width_minus_one_minus_u(kitti):
    flipped = mirrored(kitti, 1220)
    assert (flipped.pixels[..., 0] == 1219 - kitti.pixels[..., 0]).all()
    index = np.ravel_multi_index((25, 64, 4), (128, 128, 16))
    samples = flipped.depth_grid.view(2, -1, 3)[0, index]
    torch.testing.assert_close(
        samples, torch.tensor([0.021163, 0.032526, -0.218116]), atol=2e-6, rtol=0)


@pytest.mark.parametrize('preset', ['k3', 'n4'])
def test_mirroring_twice_changes_nothing(kitti, nyu, preset):
    tables = kitti if preset == 'k3' else nyu._replace(depth_m=torch.rand(1, 1, 480, 640))
    twice = mirrored(mirrored(tables, 640), 640)
    for one, other in zip(twice, tables, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other)


def test_tables_travel_to_a_device_as_a_whole(tiny, make_inputs):
    moved = to_device(make_inputs(tiny), 'meta')
    assert {part.device.type for part in moved if part is not None} == {'meta'}
