"""3D-Sketch (Chen et al., CVPR 2020): a sketch of the scene guides its completion."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.inputs import SketchOutput
from ssc_ros.models.layers.bottleneck3d import Upsample, bottleneck_group
from ssc_ros.models.layers.dilated_resnet50 import ResNet50Encoder
from ssc_ros.models.layers.efficientnet_lite0 import TAPPED_STAGES, EfficientNetLite0Encoder
from ssc_ros.models.layers.projection import (
    fill_holes,
    sample_features,
    scatter_to_volume,
    visible_voxels,
)

_LATENT = 16
_NARROW = 3
_STRIDE = 4  # of the latent volume
_HALF = (2, 2, 2)
_DROPOUT = 0.1
_PRIOR_SEED = 0
_LITE_MAP = TAPPED_STAGES.index(4)  # the one at 1/16, as ResNet-50's


def _convolution(in_channels: int, out_channels: int) -> list[nn.Module]:
    return [
        nn.Conv3d(in_channels, out_channels, 3, padding=1, bias=False),
        nn.BatchNorm3d(out_channels), nn.ReLU()]


def _stem(in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        *_convolution(in_channels, _NARROW), *_convolution(_NARROW, width // 2),
        *_convolution(width // 2, width))


def _classifier(channels: int, num_classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Dropout3d(_DROPOUT), nn.Conv3d(channels, num_classes, 1))


class Hourglass(nn.Module):
    """Two levels of decomposed bottlenecks down, two transposed convolutions up, a classifier."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.encode_middle = bottleneck_group(width, width, keeps_unused=True)
        self.encode_coarse = bottleneck_group(width, 2 * width, keeps_unused=True)
        self.up_middle = Upsample(2 * width, width)
        self.up_full = Upsample(width, width)
        self.classify = _classifier(width, num_classes)

    def forward(self, volume: Tensor) -> Tensor:
        """Map (B, width, X, Y, Z) to (B, num_classes, X, Y, Z)."""
        middle = self.encode_middle(volume)
        raised = self.up_full(self.up_middle(self.encode_coarse(middle)) + middle)
        scores: Tensor = self.classify(raised)
        return scores


class LatentEncoder(nn.Sequential):
    """Convolutions of a sketch down to a quarter of its resolution, 16 channels."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(
            *_convolution(in_channels, _NARROW), *_convolution(_NARROW, _LATENT),
            *_convolution(_LATENT, _LATENT), nn.AvgPool3d(_HALF, _HALF),
            *_convolution(_LATENT, _LATENT), nn.AvgPool3d(_HALF, _HALF),
            *_convolution(_LATENT, _LATENT))


class SketchPrior(nn.Module):
    """
    A conditional variational auto-encoder: likely sketches, given a first one.

    In evaluation the samples of the prior are always the same ones, so that equal frames get
    equal answers.

    Args:
        samples: whose scores are averaged.
        grid_shape: of the sketch.
    """

    def __init__(self, samples: int, grid_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.posterior = LatentEncoder(2)
        self.mean = nn.Conv3d(_LATENT, _LATENT, 1)
        self.log_variance = nn.Conv3d(_LATENT, _LATENT, 1)
        self.condition = LatentEncoder(1)
        self.decode = nn.Sequential(
            *Upsample(2 * _LATENT, _LATENT), *Upsample(_LATENT, _LATENT), *_classifier(_LATENT, 2))
        latent_shape = samples, _LATENT, *(length // _STRIDE for length in grid_shape)
        noise = np.random.default_rng(_PRIOR_SEED).standard_normal(latent_shape, np.float32)
        self.noise: Tensor
        self.register_buffer('noise', torch.from_numpy(noise), persistent=False)

    def forward(self, raw_logits: Tensor, sketch: Tensor | None = None) -> SketchOutput:
        """
        Average samples.

        Args:
            raw_logits: (B, 2, X, Y, Z) of the first sketch, to which no gradient flows.
            sketch: (B, X, Y, Z) true sketch, 1 or else; in training.
        """
        first = raw_logits.argmax(dim=1, keepdim=True).to(raw_logits.dtype)
        condition = self.condition(first)
        if sketch is None:
            return SketchOutput(raw_logits, self._decoded(condition, self._noise(condition)))
        hidden = self.posterior(torch.cat([first, (sketch == 1)[:, None].to(first.dtype)], dim=1))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        prior, deviation = self._noise(condition), torch.exp(log_variance / 2)
        posterior = [mean + noise * deviation for noise in self._noise(condition)]
        return SketchOutput(
            raw_logits, self._decoded(condition, prior), self._decoded(condition, posterior),
            mean, log_variance)

    def _noise(self, like: Tensor) -> list[Tensor]:
        """Return samples of the prior, each a latent volume."""
        if self.training:
            return [torch.randn_like(like) for _ in self.noise]
        return [noise.to(like.dtype).expand_as(like) for noise in self.noise]

    def _decoded(self, condition: Tensor, latents: list[Tensor]) -> Tensor:
        scores = [self.decode(torch.cat([condition, latent], dim=1)) for latent in latents]
        return torch.stack(scores).mean(dim=0)


class SketchStage(nn.Module):
    """First stage: a TSDF to a sketch, and to samples of its prior."""

    def __init__(self, width: int, samples: int, grid_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.stem = _stem(1, width)
        self.hourglass = Hourglass(width, 2)
        self.prior = SketchPrior(samples, grid_shape)

    def forward(self, tsdf: Tensor, sketch: Tensor | None = None) -> SketchOutput:
        """Sketch (B, 1, X, Y, Z)."""
        output: SketchOutput = self.prior(self.hourglass(self.stem(tsdf)), sketch)
        return output


class SemanticStage(nn.Module):
    """Second stage: image features and both sketches to class scores."""

    def __init__(self, in_channels: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(
            nn.Conv2d(in_channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.raw_stem, self.prior_stem = _stem(2, width), _stem(2, width)
        self.hourglass = Hourglass(width, num_classes)

    def forward(self, volume: Tensor, sketches: SketchOutput) -> Tensor:
        """Return scores (B, num_classes, X, Y, Z), given image features (B, width, X, Y, Z)."""
        scores: Tensor = self.hourglass(
            volume + self.raw_stem(sketches.raw_logits) + self.prior_stem(sketches.prior_logits))
        return scores


class SketchSSC(nn.Module):
    """
    The network of both stages.

    Attributes:
        encoder: of the image.
    """

    reads: ClassVar[tuple[str, ...]] = ('tsdf', 'full_image', 'pixel_of_voxel')

    def __init__(self, config: ImenetConfig) -> None:
        super().__init__()
        self.grid_shape = config.grid_shape
        self.encoder: ResNet50Encoder | EfficientNetLite0Encoder
        if config.sketch_encoder == 'resnet50':
            self.encoder, channels = ResNet50Encoder(), ResNet50Encoder.channels[0]
        else:
            self.encoder = EfficientNetLite0Encoder()
            channels = EfficientNetLite0Encoder.channels[_LITE_MAP]
        self.encoder.requires_grad_(not config.freezes_sketch_encoder)
        width = config.voxel_channels
        self.stage1 = SketchStage(width, config.sketch_samples, config.grid_shape)
        self.stage2 = SemanticStage(channels, width, config.num_classes)

    def forward(
        self, tsdf: Tensor, image: Tensor, pixel_of_voxel: Tensor, sketch: Tensor | None = None,
    ) -> tuple[Tensor, SketchOutput]:
        """
        Return class scores (B, num_classes, X, Y, Z), and the sketches.

        Args:
            tsdf: (B, 1, X, Y, Z).
            image: (B, 3, H, W).
            pixel_of_voxel: (B, N), pixels of that image.
            sketch: (B, X, Y, Z) true one, in training.
        """
        sketches: SketchOutput = self.stage1(tsdf, sketch)
        scores: Tensor = self.stage2(self._image_volume(image, pixel_of_voxel), sketches)
        return scores, sketches

    def _image_volume(self, image: Tensor, pixel_of_voxel: Tensor) -> Tensor:
        maps = self.encoder(image)
        features = self.stage2.reduce(maps[_LITE_MAP] if len(maps) > 1 else maps[0])
        height, width = image.shape[-2:]
        visible = visible_voxels(pixel_of_voxel, height * width)
        values = sample_features(features, visible, (height, width), align_corners=True)
        return fill_holes(scatter_to_volume(values, visible, len(image), self.grid_shape))
