"""Virtual views of predicted chunks, and what a segmenter says of their rendered colours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssc_ros.errors import DataError
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.labels import IGNORE_ID, load_label_space
from training.datasets.chunks.batches import ChunkBatch
from training.datasets.scans.preview import preview_of
from training.datasets.scans.virtual_views import (
    WIDE_CAMERA,
    VirtualViewSampler,
    chunk_surface,
)
from training.options import S4rData
from training.segmenters.opening import open_segmenter

STRUCTURE = ('wall', 'floor', 'ceiling')


class ChosenViews(NamedTuple):
    """
    Virtual views that were accepted.

    Attributes:
        samples: (N,) chunk of the batch that each shows.
        T_grid_camera: (N, 4, 4) from metres of the optical frame into its voxels.
        intrinsics: (N, 4).
    """

    samples: Tensor
    T_grid_camera: Tensor
    intrinsics: Tensor


class VirtualViews:
    """
    Chooses places to look from, and labels what is seen there (Eq. 4).

    Args:
        label_space: classes of the network.
        voxel_size_m: of its chunks.
        data: says how many views of which size, and which segmenter.
    """

    def __init__(self, label_space: str, voxel_size_m: float, data: S4rData) -> None:
        names = load_label_space(label_space).names
        structure = [names.index(name) for name in STRUCTURE if name in names]
        self._voxel_size_m, self._count = voxel_size_m, data.virtual_views
        self._camera = WIDE_CAMERA.resized(*data.view_size)
        self._sampler = VirtualViewSampler(structure, camera=self._camera)
        self._segmenter = open_segmenter(data.segmenter, label_space, taxonomy=data.taxonomy)

    def choose(
        self, tsdf_voxels: Tensor, valid: Tensor, classes: Tensor, batch: ChunkBatch,
        rng: np.random.Generator,
    ) -> ChosenViews | None:
        """
        Choose views of predicted chunks; None where no pose shows enough.

        Args:
            tsdf_voxels: (B, Z, Y, X) predicted distances.
            valid: (B, Z, Y, X) bool, where they are distances.
            classes: (B, Z, Y, X) predicted ids.
        """
        surfaces = tsdf_voxels.detach().where(valid, torch.nan)
        labels = classes.to(torch.uint8).cpu().numpy()
        near = (surfaces.abs() < 1).cpu().numpy()
        counts = np.bincount(labels[near], minlength=256)
        samples, matrices = list[int](), list[Tensor]()
        for sample, volume in enumerate(surfaces):
            matrix = batch.T_grid_world[sample].double().cpu().numpy()
            grid = VolumeGrid(tuple(volume.shape), self._voxel_size_m, matrix)
            poses = [pose for pose in batch.poses[sample].double().cpu().numpy()
                     if np.isfinite(pose).all()]
            try:
                surface = chunk_surface(volume.cpu().numpy(), labels[sample], grid)
            except DataError:
                continue
            if not len(surface.points_world):
                continue
            look = preview_of(volume, grid, self._camera)
            for _ in range(self._count):
                view = self._sampler.sample(surface, poses, look, rng, class_counts=counts)
                if view is not None:
                    samples.append(sample)
                    matrices.append(torch.from_numpy(matrix @ view.T_world_camera).float())
        if not samples:
            return None
        camera, device = self._camera, tsdf_voxels.device
        intrinsics = torch.tensor([[camera.fx, camera.fy, camera.cx, camera.cy]] * len(samples))
        return ChosenViews(torch.tensor(samples, device=device),
                           torch.stack(matrices).to(device), intrinsics.to(device))

    def labels_of(self, rgb: Tensor, hit: Tensor) -> Tensor:
        """
        Return (N, H, W) uint8 labels of rendered images, 255 where nothing is seen or is unsure.

        Args:
            rgb: (N, 3, H, W) sRGB in [0, 1].
            hit: (N, H, W) pixels that show a surface; the others are filled with the mean colour.
        """
        seen = rgb.detach().clamp(0, 1)
        share = hit.flatten(1).sum(dim=1).clamp(min=1)
        mean = (seen * hit[:, None]).flatten(2).sum(dim=2) / share[:, None]
        filled = seen.where(hit[:, None], mean[..., None, None])
        images = (filled * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        labels = [torch.from_numpy(self._segmenter(image).confident()) for image in images]
        return torch.stack(labels).to(rgb.device).where(hit, IGNORE_ID)
