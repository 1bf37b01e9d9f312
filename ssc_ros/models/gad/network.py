"""The GAD network."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import torch
from torch import Tensor, nn

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.decoder import Decoder, DecoderFeatures
from ssc_ros.models.gad.encoder import make_encoder
from ssc_ros.models.gad.inputs import GadOutput
from ssc_ros.models.gad.propagation import make_propagation
from ssc_ros.models.gad.pyramid import SkipPyramidFusion


class GadNetwork(nn.Module):
    """Images in, class scores and depth of every pixel out."""

    def __init__(self, config: GadConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = make_encoder(config)
        features = config.decoder_channels[-1]
        self.neck = nn.Sequential(
            nn.Conv2d(self.encoder.channels[-1], config.neck_channels, 1),
            nn.BatchNorm2d(config.neck_channels))
        self.depth_decoder = Decoder(config) if config.has_depth else None
        self.depth_head = nn.Conv2d(features, 1, 3, padding=1) if config.has_depth else None
        self.semantic_decoder = Decoder(config)
        self.propagation = make_propagation(config)
        self.semantic_head = nn.Conv2d(features, config.num_classes, 3, padding=1)
        self.pyramid = (
            SkipPyramidFusion(self.encoder.channels, config) if config.has_spf else None)
        self._initialize()

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
        all_heads = all_heads or self.training
        maps = self.encoder(images)
        features = self.neck(maps[-1])
        depth, depth_m = self._decode_depth(features, has_depth)
        semantic = self._decode_semantics(features, depth)
        if self.pyramid is None:
            logits = self.semantic_head(semantic)
            return GadOutput(logits, depth_m, logits)
        sides = self.pyramid(semantic, maps[:4], all_heads=all_heads)
        semantic_logits = self.semantic_head(semantic) if all_heads else None
        return GadOutput(sides[-1], depth_m, semantic_logits, sides)

    def _decode_depth(
        self, features: Tensor, has_depth: Tensor | None,
    ) -> tuple[DecoderFeatures | None, Tensor | None]:
        """Return what the semantic side sees of the depth decoder, and depth in metres."""
        if self.depth_decoder is None or self.depth_head is None:
            return None, None
        # A batch without depth leaves the batch statistics of the frozen branch as they are.
        is_frozen = self.training and has_depth is not None and not bool(has_depth.any())
        self.depth_decoder.train(self.depth_decoder.training and not is_frozen)
        decoded: DecoderFeatures = self.depth_decoder(features)
        self.depth_decoder.train(self.depth_decoder.training or is_frozen)
        depth_m = self.depth_head(decoded.embedding)
        if self.config.depth_space == 'log':
            depth_m = depth_m.exp()
        if has_depth is not None:
            decoded = DecoderFeatures(
                tuple(_gradient_where(stage, has_depth) for stage in decoded.stages),
                _gradient_where(decoded.embedding, has_depth))
        return decoded, depth_m

    def _decode_semantics(self, features: Tensor, depth: DecoderFeatures | None) -> Tensor:
        """Return semantic features (B, F, H, W), propagated."""
        stages = depth.stages[:-1] if depth and self.config.propagates_features else ()
        semantic: Tensor = self.semantic_decoder(features, stages).embedding
        if self.propagation is not None and depth is not None:
            semantic = self.propagation(depth.embedding, semantic)
        return semantic

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Yield what learns slowly: the pretrained encoder."""
        return self.encoder.parameters()

    def other_parameters(self) -> Iterator[nn.Parameter]:
        """Yield everything but `backbone_parameters`."""
        backbone = set(map(id, self.backbone_parameters()))
        return (each for each in self.parameters() if id(each) not in backbone)

    def semantic_parameters(self) -> Iterator[nn.Parameter]:
        """Yield what gradient clipping covers: semantic decoder, propagation, pyramid, heads."""
        parts = (self.semantic_decoder, self.propagation, self.semantic_head, self.pyramid)
        return chain.from_iterable(part.parameters() for part in parts if part is not None)

    def _initialize(self) -> None:
        """Draw weights after He et al., ICCV 2015; a pretrained encoder replaces its own."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity='relu')
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def _gradient_where(features: Tensor, has_depth: Tensor) -> Tensor:
    """Return the features, constant for the samples (B,) without depth."""
    return torch.where(has_depth.view(-1, 1, 1, 1), features, features.detach())
