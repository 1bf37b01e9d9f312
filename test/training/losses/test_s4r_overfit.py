"""A small network learns a chunk with a hole by heart: shape from voxels, the rest from views."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ssc_ros.metrics import ReconstructionCounts, SurfaceTruth
from ssc_ros.models.s4r.inputs import S4rOutput, surface_band
from ssc_ros.models.s4r.network import S4rNetwork
from ssc_ros.models.s4r.presets import load_preset
from ssc_ros.models.s4r.rendering import Rendering, raycast
from training.losses.s4r import (
    ViewTarget,
    surface_pixels,
    view_losses,
    weighted_sum,
)
from training.losses.s4r_volume import distance_loss, occupancy_loss, volume_target
from training.options.s4r import S4rLossConfig

EDGE, VOXEL_M, IMAGE = 24, 0.02, (32, 40)
COLORS = torch.tensor([[0.8, 0.7, 0.5], [0.3, 0.5, 0.8], [0.7, 0.2, 0.2]])
INTRINSICS = torch.tensor([[36.0, 36.0, 19.5, 15.5]])
GEOMETRY_STEPS, STEPS = 10, 60
CONFIG = S4rLossConfig(distance=1.0, least_pixels=50)


class Chunk(NamedTuple):
    """(1, ...) volumes of a floor, a wall behind it and a box between; the input has a hole."""

    tsdf: Tensor
    labels: Tensor
    source: Tensor
    hole: Tensor

    @property
    def known(self) -> Tensor:
        codes = torch.where(self.tsdf > 1, 0, 1)
        return codes.where(self.tsdf >= -1, 2).to(torch.uint8)


def make_chunk() -> Chunk:
    z, y, x = torch.meshgrid(*[torch.arange(float(EDGE))] * 3, indexing='ij')
    box = torch.stack([
        (x - 13).abs() - 4, (y - 11).abs() - 5, (z - 6).abs() - 5]).amax(dim=0)
    distances = torch.stack([z - 3.3, 20.4 - x, box + 0.2])
    tsdf, labels = distances.min(dim=0)
    tsdf = tsdf.clamp(-3, 3)[None]
    hole = (y > 7) & (y < 14) & (x > 4) & (x < 15)
    observed = (~hole & (tsdf[0] > -2))[None, None]
    colors = COLORS[labels].permute(3, 0, 1, 2)[None]
    source = torch.cat([
        tsdf[:, None].where(observed, -3), colors.where(observed, 0), observed.float()], dim=1)
    return Chunk(tsdf, labels[None], source, hole[None])


def cameras() -> Tensor:
    """Return (2, 4, 4) from metres of optical frames to voxels: from the side and from above."""
    poses = []
    for origin in ([-16.0, 15.0, 15.0], [-10.0, 4.0, 26.0]):
        forward = F.normalize(torch.tensor([15.0, 11.0, 6.0]) - torch.tensor(origin), dim=0)
        right = F.normalize(torch.linalg.cross(forward, torch.tensor([0.0, 0.0, 1.0])), dim=0)
        pose = torch.eye(4)
        axes = torch.stack([right, torch.linalg.cross(forward, right), forward], dim=1)
        pose[:3, :3], pose[:3, 3] = axes / VOXEL_M, torch.tensor(origin)
        poses.append(pose)
    return torch.stack(poses)


def render(tsdf: Tensor, valid: Tensor, features: Tensor) -> Rendering:
    views = [2, *[-1] * 4]
    return raycast(
        tsdf.expand(views[:4]), valid.expand(views[:4]), features.expand(views),
        T_grid_camera=cameras(), intrinsics=INTRINSICS.expand(2, 4), size=IMAGE)


def real_views(chunk: Chunk) -> ViewTarget:
    classes = F.one_hot(chunk.labels, 3).permute(0, 4, 1, 2, 3).float()
    colors = COLORS[chunk.labels].permute(0, 4, 1, 2, 3)
    shown = render(chunk.tsdf, chunk.tsdf.abs() < 3, torch.cat([colors, classes], dim=1))
    assert shown.hit.float().mean() > 0.4
    labels = shown.features[:, 3:].argmax(dim=1).where(shown.hit, 255)
    return ViewTarget(shown.depth_m, shown.features[:, :3], labels)


def losses_of(
    output: S4rOutput, chunk: Chunk, views: ViewTarget, *, renders: bool,
) -> dict[str, Tensor]:
    target = volume_target(chunk.tsdf, chunk.source[:, 0], chunk.known, CONFIG)
    losses = {'distance': distance_loss(output.tsdf_voxels[:, 0], target),
              'occupancy': occupancy_loss(output.occupancy_logits[:, 0], target)}
    if renders:
        shown = seen(output)
        pixels = surface_pixels(shown, output.tsdf_voxels[:, 0].expand(2, -1, -1, -1), CONFIG,
                                views.depth_m)
        losses |= view_losses(shown, views, pixels, CONFIG, colors=shown.features[:, :3],
                              logits=shown.features[:, 3:])
    return losses


def seen(output: S4rOutput) -> Rendering:
    return render(output.tsdf_voxels[:, 0], surface_band(output)[:, 0],
                  torch.cat([output.colors, output.class_logits], dim=1))


@pytest.mark.slow
def test_a_chunk_with_a_hole_is_learnt_by_heart():
    torch.manual_seed(0)
    chunk = make_chunk()
    views = real_views(chunk)
    network = S4rNetwork(replace(
        load_preset('s4r'), num_classes=3, channels=(4, 8, 16), chunk_shape=(EDGE,) * 3)).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)
    for step in range(STEPS):
        losses = losses_of(
            network(chunk.source), chunk, views, renders=step >= GEOMETRY_STEPS)
        optimizer.zero_grad()
        weighted_sum(losses, CONFIG).backward()
        optimizer.step()
    with torch.no_grad():
        output = network.eval()(chunk.source)
        shown = seen(output)
    both = shown.hit & (views.depth_m > 0)
    assert both.sum() / (views.depth_m > 0).sum() > 0.95
    depth_error_m = (shown.depth_m - views.depth_m)[both].abs().mean()
    accuracy = (shown.features[:, 3:].argmax(dim=1) == views.labels)[both].float().mean()
    color_error = (shown.features[:, :3] - views.colors).abs().mean(dim=1)[both].mean()
    counts = ReconstructionCounts(3)
    truth = SurfaceTruth(chunk.tsdf[0], chunk.known[0], chunk.labels[0])
    counts.add('all', output.tsdf_voxels[0, 0], output.class_logits[0].argmax(dim=0), truth)
    in_hole = ReconstructionCounts(3)
    in_hole.add('hole', output.tsdf_voxels[0, 0], None, replace(truth, inside=chunk.hole[0]))
    scores = (depth_error_m, accuracy, color_error, counts.geometry().iou,
              in_hole.geometry().recall)
    assert depth_error_m < 0.01, scores
    assert accuracy > 0.95, scores
    assert color_error < 0.05, scores
    assert counts.geometry().iou > 0.5, scores
    assert in_hole.geometry().recall > 0.5, scores
    assert np.isfinite(counts.semantics().mean_iou)
