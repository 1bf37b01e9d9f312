"""Batch norms computed into the convolutions before them, for inference."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ssc_ros.models.layers.bottleneck3d import Bottleneck3D

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose3d)
_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)
# Names of a convolution and of the norm that follows it, in modules that are no sequences.
_NAMED_PAIRS = (
    ('reduce', 'reduce_norm'), ('expand', 'expand_norm'), ('refine', 'refine_norm'),
    ('fuse', 'norm'),
    ('conv1', 'bn1'), ('conv2', 'bn2'), ('conv3', 'bn3'))


def fold_batch_norms(module: nn.Module) -> None:
    """
    Fold every batch norm of a module in eval mode, in place; norms become identities.

    Parameters that the official checkpoints own but nothing reads are left as they are.
    """
    for part in module.modules():
        if isinstance(part, nn.Sequential):
            for before, after in zip(range(len(part)), range(1, len(part)), strict=False):
                _fold(part, str(before), str(after))
        elif isinstance(part, Bottleneck3D):
            for axis in range(3):
                _fold_between(part.axis_convs, part.axis_norms, str(axis))
        for before_name, after_name in _NAMED_PAIRS:
            if hasattr(part, before_name) and hasattr(part, after_name):
                _fold(part, before_name, after_name)


def _fold(parent: nn.Module, convolution: str, norm: str) -> None:
    before, after = getattr(parent, convolution), getattr(parent, norm)
    if isinstance(before, _CONVOLUTIONS) and isinstance(after, _NORMS):
        setattr(parent, convolution, _folded(before, after))
        setattr(parent, norm, nn.Identity())


def _fold_between(convolutions: nn.Module, norms: nn.Module, name: str) -> None:
    before, after = getattr(convolutions, name), getattr(norms, name)
    if isinstance(after, _NORMS):
        setattr(convolutions, name, _folded(before, after))
        setattr(norms, name, nn.Identity())


def _folded(convolution: Any, norm: Any) -> nn.Module:
    is_transposed = isinstance(convolution, nn.ConvTranspose3d)
    folded: nn.Module = fuse_conv_bn_eval(convolution, norm, transpose=is_transposed)
    return folded
