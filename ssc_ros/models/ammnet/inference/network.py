"""Faster networks made from trained ones."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.decoder import VoxelDecoder
from ssc_ros.models.ammnet.image_branch import LabelBranch
from ssc_ros.models.ammnet.inference.decoder import FastDecoder
from ssc_ros.models.ammnet.inference.image import ImageVoxels, LabelVoxels
from ssc_ros.models.ammnet.inference.tsdf import TsdfFeatures
from ssc_ros.models.ammnet.inputs import AmmnetInputs, AmmnetOutput
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.layers.block_mean import replace_average_pools
from ssc_ros.models.layers.folding import fold_batch_norms


def optimized(network: AmmnetNetwork, dtype: torch.dtype = torch.float32) -> InferenceNetwork:
    """
    Return a network that computes the class scores of ``network`` faster, and nothing else.

    Args:
        network: in any state; it is copied.
        dtype: of weights and features; the scores are float32.
    """
    device = next(network.parameters()).device
    folded = copy.deepcopy(network).cpu().eval()
    fold_batch_norms(folded)
    replace_average_pools(folded)
    fast: InferenceNetwork = (
        RearrangedNetwork if _is_rearrangeable(network.config) else InferenceNetwork)(folded)
    for module in fast.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        elif isinstance(module, (nn.Conv3d, nn.ConvTranspose3d)):
            module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    _convert(fast, dtype)
    return fast.requires_grad_(False).to(device).eval()


def _convert(network: InferenceNetwork, dtype: torch.dtype) -> None:
    """Change the number format of all tensors but those that the labels depend on most."""
    precise = {id(value) for part in network.precise_parts() for value in part.parameters()}
    for value in (*network.parameters(), *network.buffers()):
        if value.is_floating_point() and id(value) not in precise:
            value.data = value.data.to(dtype)


def _is_rearrangeable(config: AmmnetConfig) -> bool:
    return config.trunk_stride == 1 and (
        config.fusion == 'modulation' or not config.fusion_sites)


class InferenceNetwork(nn.Module):
    """A folded network, otherwise as it is."""

    def __init__(self, network: AmmnetNetwork) -> None:
        super().__init__()
        self.config = network.config
        self.parts = nn.ModuleDict({
            'image': network.image, 'tsdf': network.tsdf, 'decoder': network.decoder})

    def precise_parts(self) -> tuple[nn.Module, ...]:
        """Return what stays in single precision."""
        return ()

    def forward(self, inputs: AmmnetInputs) -> AmmnetOutput:
        """Return class scores in float32."""
        dtype, image = next(self.parts['tsdf'].parameters()).dtype, inputs.image
        if image is not None:
            image = image.to(dtype, memory_format=torch.channels_last)
        scores = self.scores(inputs._replace(image=image, tsdf=inputs.tsdf.to(dtype)))
        return AmmnetOutput(scores.float())

    def scores(self, inputs: AmmnetInputs) -> Tensor:
        """Return (B, classes, X, Y, Z)."""
        branch: Any = self.parts['image']
        volume = branch.volume(inputs)[0]  # without the scores of pixels
        scores: Tensor = self.parts['decoder'](volume, *self.parts['tsdf'](inputs.tsdf))
        return scores


class RearrangedNetwork(InferenceNetwork):
    """The published network with its baseline and modulations (see the package)."""

    def __init__(self, network: AmmnetNetwork) -> None:
        super().__init__(network)
        assert isinstance(network.decoder, VoxelDecoder)
        image: nn.Module = LabelVoxels(network.image) if isinstance(
            network.image, LabelBranch) else ImageVoxels(network.image)
        self.decoder = FastDecoder(network.decoder)
        self.parts = nn.ModuleDict({
            'image': image, 'tsdf': TsdfFeatures(network.tsdf), 'decoder': self.decoder})

    def precise_parts(self) -> tuple[nn.Module, ...]:
        """Return what stays in single precision."""
        return self.decoder.precise_parts()

    def scores(self, inputs: AmmnetInputs) -> Tensor:
        """Return (B, classes, X, Y, Z)."""
        x, y, z = (length // 2 for length in inputs.tsdf.shape[-3:])
        scores: Tensor = self.decoder(
            self.parts['image'](inputs), self.parts['tsdf'](inputs.tsdf),
            (len(inputs.tsdf), x, y, z))
        return scores
