"""The GAD network."""

from __future__ import annotations

from torch import Tensor, nn

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.inputs import GadOutput


class GadNetwork(nn.Module):
    """Images in, class scores and depth of every pixel out."""

    def __init__(self, config: GadConfig) -> None:
        super().__init__()
        self.config = config

    def forward(
        self, images: Tensor, *, has_depth: Tensor | None = None, all_heads: bool = False,
    ) -> GadOutput:
        """
        Score the pixels.

        Args:
            images: (B, input_channels, H, W) as ``normalize_image`` returns.
            has_depth: (B,) bool, whether depth supervises the sample; the depth branch is frozen
                for the others (Sec. 4.5). All by default.
            all_heads: return the outputs that only losses read, too; always in training.
        """
        raise NotImplementedError
