"""
The S4R network.

Huang, Artemov, Chen, Zhi, Xu and Nießner: S4R, self-supervised semantic scene reconstruction from
RGB-D scans (arXiv 2302.03640). No code of theirs is public, nor is their layer table: blocks and
widths are ours, kernels and norms follow SPSG (Dai et al., CVPR 2021).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssc_ros.models.s4r.blocks import SLOPE, Decoder, Encoder, ResidualBlock, conv_block
from ssc_ros.models.s4r.color import rgb_to_lab
from ssc_ros.models.s4r.config import S4rConfig
from ssc_ros.models.s4r.inputs import (
    FAR_VOXELS,
    INPUT_CHANNELS,
    TRUNCATION_VOXELS,
    S4rOutput,
)


class S4rNetwork(nn.Module):
    """Chunks of a fused volume in, completed distances, colours and classes out."""

    def __init__(self, config: S4rConfig) -> None:
        super().__init__()
        self.config = config
        channels, order = config.channels, config.norm_order
        flags = int(config.input_flags)
        widths = {'geometry': 1 + flags, 'color': 3 + flags}
        self.encoders = nn.ModuleDict(
            {name: Encoder(widths[name], channels, order) for name in config.encoders})
        code = channels[-1]
        self.fusion = nn.Sequential(
            conv_block(len(config.encoders) * code, code, 1, norm_order=order),
            ResidualBlock(code, code, order), ResidualBlock(code, code, order))
        outputs = {'geometry': 1 + int(config.has_occupancy), 'color': 3,
                   'semantics': config.num_classes}
        self.decoders = nn.ModuleDict(
            {name: Decoder(channels, len(config.encoders), outputs[name], order)
             for name in config.decoders})
        self._initialize()

    def forward(self, volume: Tensor) -> S4rOutput:
        """
        Complete a batch of chunks.

        Args:
            volume: (B, 5, Z, Y, X) distance in voxels, cut off at +-3 and -3 where nothing was
                observed; red, green and blue in [0, 1]; 1 where observed. Edges divisible by
                ``config.stride``.

        Raises:
            ValueError: the volume has another shape.
        """
        self._check(volume)
        levels = [encoder(self._input(name, volume)) for name, encoder in self.encoders.items()]
        *skips, codes = (torch.cat(level, dim=1) for level in zip(*levels, strict=True))
        code = self.fusion(codes)
        decoded = {name: decoder(code, skips) for name, decoder in self.decoders.items()}
        return self._named(decoded, volume)

    def _input(self, encoder: str, volume: Tensor) -> Tensor:
        """Return what one encoder sees: bounds of distances tell nothing, nor do colours there."""
        distances, rgb, observed = volume.split([1, 3, 1], dim=1)
        if encoder == 'geometry':
            seen = _measured(distances) / TRUNCATION_VOXELS
        else:
            colors = rgb_to_lab(rgb) if self.config.color_space == 'lab' else rgb
            seen = colors.where(distances.abs() < TRUNCATION_VOXELS, 0)
        return torch.cat([seen, observed], dim=1) if self.config.input_flags else seen

    def _named(self, decoded: dict[str, Tensor], volume: Tensor) -> S4rOutput:
        geometry, color = decoded.get('geometry'), decoded.get('color')
        has_occupancy = geometry is not None and geometry.shape[1] > 1
        distances = None if geometry is None else geometry[:, :1]
        if distances is not None and self.config.adds_to_input:
            distances = distances + _measured(volume[:, :1])
        return S4rOutput(
            distances, None if color is None else color.sigmoid(),
            geometry[:, 1:] if geometry is not None and has_occupancy else None,
            decoded.get('semantics'))

    def _check(self, volume: Tensor) -> None:
        stride = self.config.stride
        if volume.dim() != 5 or volume.shape[1] != INPUT_CHANNELS or any(
                length % stride for length in volume.shape[2:]):
            raise ValueError(
                f'the volume is {tuple(volume.shape)}: expected (B, {INPUT_CHANNELS}, Z, Y, '
                f'X) with edges divisible by {stride}')

    def _initialize(self) -> None:
        """Draw weights after He et al., ICCV 2015."""
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, SLOPE, 'fan_out', 'leaky_relu')
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if self.config.zeroes_residuals:
            for module in self.modules():
                if isinstance(module, ResidualBlock):
                    module.start_as_shortcut()


def _measured(distances: Tensor) -> Tensor:
    """Return distances in voxels, 0 where they are mere bounds."""
    return distances.where(distances.abs() < FAR_VOXELS, 0)
