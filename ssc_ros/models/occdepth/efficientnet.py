"""EfficientNet of ``transformers`` as an image encoder."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import EfficientNetConfig, EfficientNetModel

from ssc_ros.models.layers.same_padding import SamePadding

# Name -> (width, depth, head channels), after Tan & Le, "EfficientNet", ICML 2019.
EFFICIENTNETS = {
    'efficientnet-b0': (1.0, 1.0, 1280),
    'efficientnet-b3': (1.2, 1.4, 1536),
    'efficientnet-b4': (1.4, 1.8, 1792),
    'efficientnet-b5': (1.6, 2.2, 2048),
    'efficientnet-b7': (2.0, 3.1, 2560),
}
# The decoder reads the ends of these stages, at 1/2, 1/4, 1/8 and 1/16 resolution.
_TAPPED_STAGES = (0, 1, 2, 4)


class EfficientNetEncoder(nn.Module):
    """
    EfficientNet of ``transformers`` behaving like the TensorFlow-ported original.

    Differences from the library's default: SAME padding that follows the input size, batch-norm
    momentum 0.1 (its 0.99 is the Keras convention), no drop connect, and the head convolution
    tapped before its norm and activation.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        width, depth, head_channels = EFFICIENTNETS[name]
        self.model: Any = EfficientNetModel(EfficientNetConfig(
            width_coefficient=width, depth_coefficient=depth, hidden_dim=head_channels,
            batch_norm_momentum=0.1, drop_connect_rate=0.0, dropout_rate=0.0))
        self._reset_parameters()
        self._pad_dynamically()
        blocks: Any = self.model.encoder.blocks
        stage_ends = [index for index in range(len(blocks) - 1) if _opens_stage(blocks[index + 1])]
        self.taps = tuple(stage_ends[stage] for stage in _TAPPED_STAGES)
        self.channels: tuple[int, ...] = (
            3, *(blocks[tap].projection.project_conv.out_channels for tap in self.taps),
            head_channels)

    def _reset_parameters(self) -> None:
        # The library draws norm weights around zero, from which nothing trains.
        for module in self.model.modules():
            if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
                module.reset_parameters()

    def _pad_dynamically(self) -> None:
        self.model.embeddings.padding = SamePadding(3)
        for block in self.model.encoder.blocks:
            layer = block.depthwise_conv
            if layer.stride == 2:
                layer.depthwise_conv_pad = SamePadding(layer.depthwise_conv.kernel_size[0])

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map a (B, 3, H, W) image to itself and features at 1/2, 1/4, 1/8, 1/16 and 1/32."""
        features = self.model.embeddings(image)
        tapped = [image]
        for index, block in enumerate(self.model.encoder.blocks):
            features = block(features)
            if index in self.taps:
                tapped.append(features)
        return [*tapped, self.model.encoder.top_conv(features)]


def _opens_stage(block: Any) -> bool:
    return not block.projection.apply_dropout
