"""What every system logs: the losses of a step, and scores over all processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import lightning
import torch
from torch import Tensor


def log_losses(
    system: lightning.LightningModule, terms: Mapping[str, tuple[float, Tensor]], batch_size: int,
) -> Tensor:
    """Log every loss and the rate of the last group of weights; return the weighted sum."""
    total = torch.stack([weight * value for weight, value in terms.values()]).sum()
    values = {f'train/{name}': value.detach() for name, (_, value) in terms.items()}
    system.log_dict(values, batch_size=batch_size)
    system.log('train/learning_rate', system.trainer.optimizers[0].param_groups[-1]['lr'])
    system.log('train/total', total.detach(), prog_bar=True, batch_size=batch_size)
    return total


def log_scores(
    system: lightning.LightningModule, scores: Mapping[str, Any], part: str = 'val', *,
    classes: bool = True,
) -> None:
    """Log the scores of a part, and the IoU of the classes that occur, as `val_iou/...`."""
    system.log_dict({f'{part}/{name}': value for name, value in scores.items()
                     if not name.startswith('per_class')})
    if classes:
        system.log_dict({f'{part}_iou/{name}': value
                         for name, value in scores['per_class_iou'].items() if value is not None})


def summed(values: Tensor, gather: Callable[[Tensor], Any]) -> Tensor:
    """Return the sum of a tensor over all processes."""
    return torch.as_tensor(gather(values)).reshape(-1, *values.shape).sum(dim=0)
