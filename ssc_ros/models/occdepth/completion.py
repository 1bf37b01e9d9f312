"""3D U-Nets that complete the lifted volume."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from ssc_ros.models.layers.bottleneck3d import Downsample, Process, Upsample
from ssc_ros.models.layers.heads3d import CascadeHead, ClassHead, TrunkKind
from ssc_ros.models.occdepth.context_prior import ContextPrior


class CompletionOutput(NamedTuple):
    """Logits of the 3D network; what a configuration lacks is None."""

    ssc_logits: Tensor
    occ_logits: Tensor | None
    occlusion_logits: Tensor | None
    relation_logits: Tensor | None


class CompletionNetwork(nn.Module):
    """
    Three-level residual U-Net with optional context prior and heads.

    Args:
        channels: C of the lifted volume.
        shape: its (X, Y, Z), divisible by 4.
        num_classes: including empty.
        final_stride: None for the NYU network, which classifies the lifted resolution; 2 (or 1)
            for the KITTI one, whose last upsampling multiplies the resolution by it.
        head_channels: width of the heads; None for the width of the volume they read.
    """

    def __init__(
        self, channels: int, shape: tuple[int, int, int], num_classes: int, *,
        final_stride: int | None, cascade_head: bool, occlusion_head: bool, context_prior: bool,
        trunk: TrunkKind = 'aspp', keeps_unused: bool = False,
    ) -> None:
        super().__init__()
        self.process_fine = Process(channels, keeps_unused=keeps_unused)
        self.down_middle = Downsample(channels)
        self.process_middle = Process(2 * channels, keeps_unused=keeps_unused)
        self.down_coarse = Downsample(2 * channels)
        x, y, z = (length // 4 for length in shape)
        self.context_prior = (
            ContextPrior(4 * channels, (x, y, z), keeps_unused=keeps_unused)
            if context_prior else None)
        self.up_middle = Upsample(4 * channels, 2 * channels)
        self.up_fine = Upsample(2 * channels, channels)
        self.up_full: nn.Module = nn.Identity()
        head_channels = channels
        if final_stride is not None:
            head_channels = channels // 2
            self.up_full = Upsample(channels, head_channels, stride=final_stride)
        head = CascadeHead if cascade_head else ClassHead
        self.head = head(head_channels, num_classes, trunk)
        self.occlusion_head = ClassHead(head_channels, 2, trunk) if occlusion_head else None

    def forward(self, fine: Tensor) -> CompletionOutput:
        """Classify a lifted volume (B, C, X, Y, Z)."""
        middle = self.down_middle(self.process_fine(fine))
        coarse = self.down_coarse(self.process_middle(middle))
        relation_logits = None
        if self.context_prior is not None:
            coarse, relation_logits = self.context_prior(coarse)
        middle = self.up_middle(coarse) + middle
        fine = self.up_fine(middle) + fine
        features = self.up_full(fine)
        scores = self.head(features)
        ssc_logits, occ_logits = scores if isinstance(scores, tuple) else (scores, None)
        occlusion_logits = self.occlusion_head(features) if self.occlusion_head else None
        return CompletionOutput(ssc_logits, occ_logits, occlusion_logits, relation_logits)
