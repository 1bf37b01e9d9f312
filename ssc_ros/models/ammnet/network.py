"""The AMMNet network."""

from __future__ import annotations

from torch import Tensor, nn

from ssc_ros.models.ammnet.augmentation import Augmentation3D
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.decoder import HalfResolutionDecoder, VoxelDecoder
from ssc_ros.models.ammnet.image_branch import ImageBranch, LabelBranch
from ssc_ros.models.ammnet.inputs import AmmnetInputs, AmmnetOutput
from ssc_ros.models.ammnet.tsdf_encoder import TsdfEncoder


class AmmnetNetwork(nn.Module):
    """Frames in, class scores of every voxel out; the discriminator is a network of its own."""

    def __init__(self, config: AmmnetConfig) -> None:
        super().__init__()
        self.config = config
        self.image: ImageBranch | LabelBranch = (
            LabelBranch(config) if config.reads_label_maps else ImageBranch(config))
        self.tsdf = TsdfEncoder(config)
        self.decoder: VoxelDecoder | HalfResolutionDecoder = (
            VoxelDecoder(config) if config.trunk_stride == 1 else HalfResolutionDecoder(config))

    def forward(
        self, inputs: AmmnetInputs, augmentation: Augmentation3D | None = None,
    ) -> AmmnetOutput:
        """
        Score the voxels.

        Args:
            inputs: a batch.
            augmentation: instead of one drawn at random (training) or none (evaluation).
        """
        volume, pixel_scores = self.image(inputs)
        volumes = volume, *self.tsdf(inputs.tsdf)
        if augmentation is None:
            augmentation = self._draw()
        if augmentation is None:
            return AmmnetOutput(self.decoder(*volumes), pixel_scores)
        logits: Tensor = self.decoder(*map(augmentation.apply, volumes))
        return AmmnetOutput(augmentation.undo(logits), pixel_scores, augmentation)

    def _draw(self) -> Augmentation3D | None:
        """Toss the coins of a training batch; both branches themselves see no flipped volume."""
        if not self.training or self.config.augmentation_3d != 'feature':
            return None
        return Augmentation3D.draw(may_swap=self.config.augmentation_swap)
