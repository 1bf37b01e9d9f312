"""Labels from voxels to pixels and back."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.imenet.lookup import working_pixels
from ssc_ros.models.layers.projection import pixel_of_voxel_from

Vote = Literal['majority', 'maxindex']
_UNKNOWN = 255


class Project3Dto2D(nn.Module):
    """Give every pixel of a working image of (height, width) the label of its voxel."""

    def __init__(self, work_size: tuple[int, int]) -> None:
        super().__init__()
        self.work_size = work_size

    def forward(self, labels3d: Tensor, voxels: Tensor) -> Tensor:
        """
        Return (B, h, w) labels of dtype uint8; 0 = no evidence.

        Args:
            labels3d: (B, X, Y, Z) ids; 255 counts as 0.
            voxels: look-up ``exact``: (B, H, W) ``voxel_of_pixel`` of the whole image; look-up
                ``march``: (B, steps, h, w) ``ray_voxels``, of which the first one not empty wins.
        """
        if voxels.ndim == 3:
            voxels = resample(voxels, self.work_size)[:, None]
        elif voxels.shape[-2:] != self.work_size:
            raise ConfigurationError(
                f'voxels of rays are for an image of {tuple(voxels.shape[-2:])} but the working '
                f'image is {self.work_size}: look them up for it')
        flat = labels3d.flatten(1).to(torch.uint8)
        flat = flat.masked_fill(flat == _UNKNOWN, 0)
        where = voxels.flatten(1).long()
        seen = flat.gather(1, where.clamp(min=0)).masked_fill(where < 0, 0).view_as(voxels)
        # The first step that is not 0: of all equal maxima argmax may return any.
        steps = torch.arange(seen.shape[1], 0, -1, device=seen.device).view(1, -1, 1, 1)
        first = ((seen > 0) * steps).argmax(1, keepdim=True)
        return seen.gather(1, first)[:, 0]


class Project2Dto3D(nn.Module):
    """
    Give every voxel the label that its pixels vote for.

    Args:
        grid_shape: of the volume.
        num_classes: of the labels, 0 included; 0 has no vote.
        vote: ``majority``, the lowest id of equals, or the label of the last pixel alone
            (``maxindex``).
    """

    def __init__(
        self, grid_shape: tuple[int, int, int], num_classes: int = 12, *,
        vote: Vote = 'majority',
    ) -> None:
        super().__init__()
        self.grid_shape, self.num_classes, self.vote = grid_shape, num_classes, vote
        self.num_voxels = grid_shape[0] * grid_shape[1] * grid_shape[2]

    def forward(
        self, labels2d: Tensor, voxel_of_pixel: Tensor, pixel_of_voxel: Tensor | None = None,
    ) -> Tensor:
        """
        Return (B, X, Y, Z) labels of dtype uint8; 0 = no evidence.

        Args:
            labels2d: (B, h, w) ids of a working image; 255 counts as 0.
            voxel_of_pixel: (B, H, W) flat voxel of every pixel of the whole image, -1 = none.
            pixel_of_voxel: (B, N) for vote ``maxindex``, H * W = none; computed where not given.
        """
        height, width = voxel_of_pixel.shape[-2:]
        labels = resample(labels2d, (height, width)).flatten(1).long()
        labels = labels.masked_fill(labels == _UNKNOWN, 0)
        if self.vote == 'majority':
            lifted = self._majority(labels, voxel_of_pixel.flatten(1).long())
        else:
            if pixel_of_voxel is None:
                pixel_of_voxel = pixel_of_voxel_from(voxel_of_pixel.long(), self.num_voxels)
            nothing = labels.new_zeros(len(labels), 1)
            lifted = torch.cat([labels, nothing], 1).gather(1, pixel_of_voxel)
        return lifted.to(torch.uint8).view(-1, *self.grid_shape)

    def _majority(self, labels: Tensor, voxels: Tensor) -> Tensor:
        """Count the votes of all samples in one histogram."""
        batch, classes = len(labels), self.num_classes
        first = torch.arange(batch, device=labels.device)[:, None] * self.num_voxels
        has_vote = (voxels >= 0) & (labels > 0)
        ballots = ((voxels + first) * classes + labels)[has_vote]
        counts = torch.bincount(ballots, minlength=batch * self.num_voxels * classes)
        counts = counts.view(batch, self.num_voxels, classes)
        # Of equal counts the lowest id wins, and 0 where nobody voted.
        ranks = counts * classes - torch.arange(classes, device=labels.device)
        return ranks.argmax(-1)


def resample(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the nearest pixels of (B, h, w) for an image of another (height, width)."""
    if image.shape[-2:] == size:
        return image
    height, width = image.shape[-2:]
    rows, columns = (
        torch.from_numpy(index).to(image.device)
        for index in working_pixels((height, width), size))
    return image[:, rows[:, None], columns]
