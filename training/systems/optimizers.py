"""What optimizers of two networks that train against each other need."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def decay_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Split what is trainable: matrices and kernels decay, vectors (norms, biases) do not."""
    trainable = [each for each in module.parameters() if each.requires_grad]
    return [
        {'params': [each for each in trainable if each.dim() >= 2], 'weight_decay': weight_decay},
        {'params': [each for each in trainable if each.dim() < 2], 'weight_decay': 0.0}]


@torch.no_grad()
def decay_weights(module: nn.Module, amount: float) -> None:
    """Shrink the trainable matrices and kernels of a module by a share."""
    for parameter in module.parameters():
        if parameter.requires_grad and parameter.dim() >= 2:
            parameter.mul_(1 - amount)


def clip_gradients(module: nn.Module, limit: float) -> Tensor:
    """Clip the L2 norm over all gradients of a module and return what it was."""
    return nn.utils.clip_grad_norm_(
        [each for each in module.parameters() if each.grad is not None], limit)
