"""The network folded for inference: the same function without batch norms."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.gad.up_projection import UnpoolConvolution, UpProjection
from ssc_ros.models.layers.folding import fold_batch_norms


def optimized(network: GadNetwork) -> GadNetwork:
    """Return a copy in eval mode whose convolutions hold the batch norms that follow them."""
    folded = deepcopy(network).eval()
    fold_batch_norms(folded)
    for block in folded.modules():
        if isinstance(block, UpProjection):
            _fold_phases(block.enlarge, block.enlarge_norm)
            _fold_phases(block.shortcut, block.shortcut_norm)
            block.enlarge_norm = block.shortcut_norm = nn.Identity()
    return folded.requires_grad_(False)


def _fold_phases(layer: UnpoolConvolution, norm: Any) -> None:
    phases: Any = layer.phases
    for index, phase in enumerate(phases):
        phases[index] = fuse_conv_bn_eval(phase, norm)
