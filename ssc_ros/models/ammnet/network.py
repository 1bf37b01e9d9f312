"""The AMMNet network."""

from __future__ import annotations

from torch import nn

from ssc_ros.models.ammnet.augmentation import Augmentation3D
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.inputs import AmmnetInputs, AmmnetOutput


class AmmnetNetwork(nn.Module):
    """Frames in, class scores of every voxel out; the discriminator is a network of its own."""

    def __init__(self, config: AmmnetConfig) -> None:
        super().__init__()
        self.config = config

    def forward(
        self, inputs: AmmnetInputs, augmentation: Augmentation3D | None = None,
    ) -> AmmnetOutput:
        """
        Score the voxels.

        Args:
            inputs: a batch.
            augmentation: instead of one drawn at random (training) or none (evaluation).
        """
        raise NotImplementedError
