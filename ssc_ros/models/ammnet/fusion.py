"""How the depth features enter the decoder: modulation, and what it is compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssc_ros.models.ammnet.config import AmmnetConfig

_SQUEEZE = 16
_SPATIAL_KERNEL = 7


class Modulation(nn.Module):
    """
    Scale and shift features by functions of the depth features (AMMNet, Sec. 3.2).

    Forward and backward pass may differ: Table 5 adds in the one and modulates in the other.
    """

    def __init__(self, channels: int, config: AmmnetConfig) -> None:
        super().__init__()
        self.scale = nn.Conv3d(channels, channels, 1)
        self.shift = nn.Conv3d(channels, channels, 1)
        self.offset = 1.0 if config.modulation_gain == 'one_plus_sigmoid' else 0.0
        self.forward_path = config.modulation_forward
        self.gradient_path = config.modulation_gradient

    def forward(self, features: Tensor, depth: Tensor) -> Tensor:
        """Fuse two volumes of one shape."""
        gain = torch.sigmoid(self.scale(depth)) + self.offset
        modulated: Tensor = features * gain + self.shift(depth)
        if self.forward_path == self.gradient_path:
            return modulated
        added = features + depth
        if self.forward_path == 'modulation':
            return added + (modulated - added).detach()
        return modulated + (added - modulated).detach()


class Addition(nn.Module):
    """Element-wise sum."""

    def forward(self, features: Tensor, depth: Tensor) -> Tensor:
        """Fuse two volumes of one shape."""
        return features + depth


class Concatenation(nn.Module):
    """1x1x1 convolution over both."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv3d(2 * channels, channels, 1)

    def forward(self, features: Tensor, depth: Tensor) -> Tensor:
        """Fuse two volumes of one shape."""
        mixed: Tensor = self.mix(torch.cat([features, depth], dim=1))
        return mixed


class ChannelGate(nn.Module):
    """Weights of channels from pooled values (squeeze and excitation, CVPR 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = max(channels // _SQUEEZE, 1)
        self.excite = nn.Sequential(
            nn.Linear(channels, squeezed), nn.ReLU(), nn.Linear(squeezed, channels))

    def forward(self, *pooled: Tensor) -> Tensor:
        """Return (B, C, 1, 1, 1) in (0, 1) from vectors (B, C), whose excitations add up."""
        total = torch.stack([self.excite(each) for each in pooled]).sum(0)
        return torch.sigmoid(total)[:, :, None, None, None]


class SqueezeExcitation(nn.Module):
    """Sum, then channel weights."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = ChannelGate(channels)

    def forward(self, features: Tensor, depth: Tensor) -> Tensor:
        """Fuse two volumes of one shape."""
        total = features + depth
        gated: Tensor = total * self.gate(total.mean((2, 3, 4)))
        return gated


class BlockAttention(nn.Module):
    """Sum, then channel weights, then voxel weights (CBAM, ECCV 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = ChannelGate(channels)
        self.attend = nn.Conv3d(2, 1, _SPATIAL_KERNEL, padding=_SPATIAL_KERNEL // 2)

    def forward(self, features: Tensor, depth: Tensor) -> Tensor:
        """Fuse two volumes of one shape."""
        total = features + depth
        total = total * self.gate(total.mean((2, 3, 4)), total.amax((2, 3, 4)))
        summary = torch.cat(
            [total.mean(1, keepdim=True), total.amax(1, keepdim=True)], dim=1)
        attended: Tensor = total * torch.sigmoid(self.attend(summary))
        return attended


class Highway(nn.Module):
    """Soft choice between the two, per element (Srivastava et al., 2015)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.choose = nn.Conv3d(2 * channels, channels, 1)

    def forward(self, features: Tensor, depth: Tensor) -> Tensor:
        """Fuse two volumes of one shape."""
        gate = torch.sigmoid(self.choose(torch.cat([features, depth], dim=1)))
        return gate * features + (1 - gate) * depth


def make_fusion(config: AmmnetConfig, channels: int) -> nn.Module:
    """Build the fusion of a configuration for volumes of ``channels``."""
    if config.fusion == 'modulation':
        return Modulation(channels, config)
    if config.fusion == 'add':
        return Addition()
    kinds = {'concat': Concatenation, 'senet': SqueezeExcitation, 'cbam': BlockAttention,
             'highway': Highway}
    return kinds[config.fusion](channels)


def make_fusions(config: AmmnetConfig, last_channels: int) -> nn.ModuleDict:
    """
    Build the fusions at the sites of a configuration.

    Args:
        last_channels: of the volume at site 3; the others have ``feature_channels``.
    """
    widths = {1: config.feature_channels, 2: config.feature_channels, 3: last_channels}
    return nn.ModuleDict({
        str(site): make_fusion(config, widths[site]) for site in config.fusion_sites})
