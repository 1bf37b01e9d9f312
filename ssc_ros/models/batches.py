"""What the inputs of all networks, named tuples of tensors or None, have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

InputsT = TypeVar('InputsT', bound='tuple[Any, ...]')


def as_tensor(values: ArrayLike | Tensor) -> Tensor:
    """Return a tensor of its own: the arrays of messages and memory-mapped files are read-only."""
    return values if isinstance(values, Tensor) else torch.tensor(np.asarray(values))


def collate(samples: Sequence[InputsT]) -> InputsT:
    """Join samples along the batch axis."""
    kind: Any = type(samples[0])
    batch: InputsT = kind._make(
        None if parts[0] is None else torch.cat(parts) for parts in zip(*samples, strict=True))
    return batch


def to_device(inputs: InputsT, device: torch.device | str) -> InputsT:
    """Move every tensor."""
    kind: Any = type(inputs)
    moved: InputsT = kind._make(
        None if part is None else part.to(device, non_blocking=True) for part in inputs)
    return moved
