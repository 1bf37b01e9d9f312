"""What the network takes and returns, and the calibration tables among it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.projection import project_voxels
from ssc_ros.geometry.transforms import inverse_rigid
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.depth_bins import DepthBins
from ssc_ros.models.occdepth.depth_prior import depth_sampling_grid, pixel_size_scalar


class OccDepthInputs(NamedTuple):
    """
    All that the forward pass needs beside the images; every entry is per sample.

    V counts the fused views: both images, or the one image and its virtual twin. N runs over the
    lifted grid in C order of its array (X, Y, Z).

    Attributes:
        pixels: (B, V, N, 2) u, v in the full-resolution image: int64 rounded for the nearest
            gather, float32 exact for the bilinear one. Any value is safe out of view.
        in_view: (B, V, N) bool.
        depth_grid: (B, images, X, Y, Z, 3) float32 of ``depth_sampling_grid``; with the prior.
        pixel_size: (B, images) float32 of ``pixel_size_scalar``; with the prior.
        depth_m: (B, 1, H, W) float32, 0 = missing; with virtual stereo.
        focal_baseline: (B,) float32, fx times the virtual baseline in pixel metres, negative for
            mirrored images; with virtual stereo.
        epipolar: (B, 2) float32 of ``matching_scores``; with depth matching.
    """

    pixels: Tensor
    in_view: Tensor
    depth_grid: Tensor | None = None
    pixel_size: Tensor | None = None
    depth_m: Tensor | None = None
    focal_baseline: Tensor | None = None
    epipolar: Tensor | None = None


class OccDepthOutput(NamedTuple):
    """
    Raw scores; what a configuration lacks is None.

    Attributes:
        ssc_logits: (B, num_classes, X, Y, Z) of the label grid.
        occ_logits: (B, 2, X, Y, Z), channel 0 = empty; cascade head.
        depth_logits: (B, images, D, h, w) at 1/8 of the image; depth prior.
        relation_logits: (B, 4, mega cells, voxels of the coarsest volume); context prior.
        occlusion_logits: (B, 2, X, Y, Z), channel 1 = occluded; occlusion head.
    """

    ssc_logits: Tensor
    occ_logits: Tensor | None = None
    depth_logits: Tensor | None = None
    relation_logits: Tensor | None = None
    occlusion_logits: Tensor | None = None


def depth_bins_of(config: OccDepthConfig) -> DepthBins:
    """Return the bins along which the prior is sampled."""
    return DepthBins(
        config.depth_bins, config.depth_min_m, config.depth_max_m, config.num_depth_bins)


def build_tables(
    config: OccDepthConfig, grid: VoxelGrid, T_camera_voxel: Sequence[ArrayLike],
    cameras: Sequence[PinholeCamera],
) -> OccDepthInputs:
    """
    Compute the calibration tables of one sample, a batch of one; cache them per calibration.

    Args:
        grid: the label grid, of shape ``config.grid_shape``.
        T_camera_voxel: (4, 4) transform of each image's camera, left first.
        cameras: rectified camera of each image, at the size the network gets.

    Returns:
        CPU tensors without ``depth_m``; for virtual stereo the second view is added here.
    """
    coarse = grid.coarsened(config.project_scale)
    images = len(cameras)
    poses, all_cameras = [np.asarray(T, np.float64) for T in T_camera_voxel], list(cameras)
    focal_baseline = None
    if config.virtual_baseline_m is not None:
        to_virtual = np.eye(4)
        to_virtual[0, 3] = -config.virtual_baseline_m
        poses.append(to_virtual @ poses[0])
        all_cameras.append(all_cameras[0])
        focal_baseline = torch.tensor(
            [cameras[0].fx * config.virtual_baseline_m], dtype=torch.float32)
    tables = [project_voxels(coarse, T, camera)
              for T, camera in zip(poses, all_cameras, strict=True)]
    pixels = np.stack([
        table.points_image.astype(np.float32) if config.gather == 'bilinear' else table.pixels
        for table in tables])
    in_view = np.stack([table.in_view for table in tables])
    depth_grid = pixel_size = None
    if config.depth_prior:
        depth_grid = torch.from_numpy(np.stack([
            depth_sampling_grid(
                table.points_image, table.depth_m, depth_bins_of(config), camera.size
            ).reshape(*coarse.shape, 3)
            for table, camera in zip(tables[:images], cameras, strict=True)]))[None]
        pixel_size = torch.tensor([[pixel_size_scalar(camera) for camera in cameras]])
    return OccDepthInputs(
        torch.from_numpy(pixels)[None], torch.from_numpy(in_view)[None], depth_grid, pixel_size,
        focal_baseline=focal_baseline,
        epipolar=_epipolar(cameras, poses) if config.depth_matching else None)


def _epipolar(cameras: Sequence[PinholeCamera], poses: Sequence[NDArray[np.float64]]) -> Tensor:
    """Return (1, 2): disparity is the first over depth plus the second, in pixels."""
    baseline_m = -(poses[1] @ inverse_rigid(poses[0]))[0, 3]
    left, right = cameras
    return torch.tensor(
        [[left.fx * baseline_m, left.cx - right.cx]], dtype=torch.float32)



def mirrored(inputs: OccDepthInputs, width: int) -> OccDepthInputs:
    """
    Return the tables that belong to horizontally mirrored images of ``width`` pixels.

    The voxel labels stay as they are: the tables keep the correspondence.
    """
    pixels = inputs.pixels.clone()
    pixels[..., 0] = width - 1 - pixels[..., 0]
    depth_grid = inputs.depth_grid
    if depth_grid is not None:
        # -2 in all coordinates marks undefined entries; mirrored, one coordinate would be +2,
        # which is as far outside.
        depth_grid = depth_grid * depth_grid.new_tensor([-1.0, 1.0, 1.0])
    return inputs._replace(
        pixels=pixels, depth_grid=depth_grid,
        depth_m=None if inputs.depth_m is None else inputs.depth_m.flip(-1),
        focal_baseline=None if inputs.focal_baseline is None else -inputs.focal_baseline,
        epipolar=None if inputs.epipolar is None else -inputs.epipolar)
