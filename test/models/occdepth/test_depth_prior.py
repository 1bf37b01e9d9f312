from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.projection import project_voxels
from ssc_ros.models.occdepth.depth_bins import DepthBins
from ssc_ros.models.occdepth.depth_prior import (
    DepthNetwork,
    depth_sampling_grid,
    occupancy_prior,
    pixel_size_scalar,
)

KITTI_BINS = DepthBins('lid', 2.0, 54.0, 104)

# Voxel of the 0.4 m grid -> left sampling position (column, row, bin) computed by hand.
SAMPLES = {
    (10, 64, 4): (-0.048582, 0.119530, -0.620398),
    (25, 64, 4): (-0.021163, 0.032526, -0.218116),
    (50, 40, 3): (0.556646, 0.067120, 0.181189),
    (100, 64, 6): (-0.007914, -0.088228, 0.722758),
    (127, 127, 15): (-0.593895, -0.335645, 0.953823),
    (20, 64, 15): (-0.031094, -2.128066, -0.327246),
    (5, 64, 4): (-2.0, -2.0, -2.0),  # nearer than the first bin
    (12, 80, 4): (-1.641351, 0.137799, -0.545866),
}


@pytest.fixture(scope='module')
def kitti_samples(reference):
    grid = reference.KITTI_GRID.coarsened(2)
    table = project_voxels(grid, reference.kitti_poses()[0], reference.KITTI_CAMERA)
    samples = depth_sampling_grid(
        table.points_image, table.depth_m, KITTI_BINS, reference.KITTI_CAMERA.size)
    return samples.reshape(*grid.shape, 3)


@pytest.mark.parametrize('voxel', SAMPLES)
def test_kitti_voxels_lie_where_computed_by_hand(kitti_samples, voxel):
    np.testing.assert_allclose(kitti_samples[voxel], SAMPLES[voxel], atol=2e-6)


def test_the_sampling_grid_has_no_undefined_number(kitti_samples):
    assert np.isfinite(kitti_samples).all()
    assert kitti_samples.dtype == np.float32


@pytest.mark.parametrize(('focal_px', 'scalar'), [
    (718.856, 1.96731), (707.0912, 2.00004), (518.8579, 2.72563)])
def test_pixel_size_matches_values_computed_by_hand(focal_px, scalar):
    camera = PinholeCamera(focal_px, focal_px, 320, 240, 480, 640)
    assert pixel_size_scalar(camera) == pytest.approx(scalar, abs=1e-5)


def _random_prior(views: int):
    probabilities = torch.rand(2, views, 6, 5, 7).softmax(dim=2)
    grid = torch.rand(2, views, 3, 4, 5, 3) * 3 - 1.5
    return probabilities, grid


@pytest.mark.parametrize('views', [1, 2])
def test_views_are_averaged_by_how_much_they_cover(views):
    probabilities, grid = _random_prior(views)
    sampled, covered = torch.zeros(2, 1, 3, 4, 5), torch.zeros(2, 1, 3, 4, 5)
    for view in range(views):
        volume = probabilities[:, view, None]
        sampled += F.grid_sample(volume, grid[:, view], align_corners=False)
        covered += F.grid_sample(torch.ones_like(volume), grid[:, view], align_corners=False)
    # Upstream divides two views by their coverage and leaves one view as it is.
    expected = sampled if views == 1 else torch.where(covered > 0, sampled / covered, sampled)
    assert (covered == 0).any() and (covered > 0).any()
    torch.testing.assert_close(occupancy_prior(probabilities, grid), expected)


def test_equal_depth_logits_give_a_constant_prior_wherever_two_views_reach():
    _, grid = _random_prior(2)
    prior = occupancy_prior(torch.full((2, 2, 6, 5, 7), 1 / 6), grid)
    assert (prior[prior != 0] - 1 / 6).abs().max() < 1e-5
    assert 0 < (prior == 0).float().mean() < 1


@pytest.mark.parametrize(('spacing', 'lights_up'), [('lid', True), ('uniform', False)])
def test_a_plane_lights_up_the_voxels_at_its_depth_if_taught_with_the_bins_of_sampling(
        spacing, lights_up):
    depth_m = 28.0
    taught = int(DepthBins(spacing, 2.0, 54.0, 104).index(depth_m))
    probabilities = torch.zeros(1, 1, 104, 47, 153)
    probabilities[:, :, taught] = 1.0
    depths = np.arange(3.0, 53.0, 0.1)
    samples = depth_sampling_grid(
        np.tile([610.0, 185.0], (depths.size, 1)), depths, KITTI_BINS, (370, 1220))
    prior = occupancy_prior(probabilities, torch.from_numpy(samples).view(1, 1, -1, 1, 1, 3))
    lit = depths[prior.flatten().numpy() > 0.05]
    bin_width_m = float(np.diff(KITTI_BINS.edges_m())[73])
    assert bool(np.abs(lit - depth_m).max() < 2 * bin_width_m) is lights_up
    if not lights_up:
        # Half-metre targets teach a 28 m surface as what sampling reads as 15 m.
        assert lit.mean() == pytest.approx(15.1, abs=0.5)


def test_depth_network_is_told_the_pixel_size():
    network = DepthNetwork(8, 16, 6).eval()
    features = torch.randn(2, 1, 8, 4, 5)
    near, far = (network(features, torch.full((2, 1), value)) for value in (1.5, 3.0))
    assert near.shape == (2, 1, 6, 4, 5)
    assert not torch.allclose(near, far)
