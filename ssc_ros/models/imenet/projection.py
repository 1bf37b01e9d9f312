"""Labels from voxels to pixels and back."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn


class Project3Dto2D(nn.Module):
    """Give every pixel of a working image the label of its voxel."""

    def __init__(self, work_size: tuple[int, int]) -> None:
        super().__init__()

    def forward(self, labels3d: Tensor, voxels: Tensor) -> Tensor:
        """
        Return (B, h, w) labels of dtype uint8; 0 = no evidence.

        Args:
            labels3d: (B, X, Y, Z) ids; 255 counts as 0.
            voxels: look-up ``exact``: (B, H, W) ``voxel_of_pixel`` of the whole image; look-up
                ``march``: (B, steps, h, w) ``ray_voxels``, of which the first one not empty wins.
        """
        raise NotImplementedError


class Project2Dto3D(nn.Module):
    """Give every voxel the label that its pixels vote for."""

    def __init__(
        self, grid_shape: tuple[int, int, int], num_classes: int = 12, *,
        vote: Literal['majority', 'maxindex'] = 'majority',
    ) -> None:
        super().__init__()

    def forward(
        self, labels2d: Tensor, voxel_of_pixel: Tensor, pixel_of_voxel: Tensor | None = None,
    ) -> Tensor:
        """
        Return (B, X, Y, Z) labels of dtype uint8; 0 = no evidence.

        Args:
            labels2d: (B, h, w) ids of a working image.
            voxel_of_pixel: (B, H, W) flat voxel of every pixel of the whole image, -1 = none.
            pixel_of_voxel: (B, N) for vote ``maxindex``; computed where not given.
        """
        raise NotImplementedError
