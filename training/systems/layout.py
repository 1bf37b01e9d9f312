"""Memory layout and memory saving of networks in training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def use_channels_last(network: nn.Module) -> None:
    """Store convolution weights channels-last; 2D and 3D ones need a format each."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.to(memory_format=torch.channels_last)
        elif isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            module.to(memory_format=torch.channels_last_3d)


def compute_again(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> int:
    """
    Let modules of these kinds compute their activations again in the backward pass.

    Batch statistics count each pass once, and dropout drops the same, so that the result is that
    of keeping all activations.

    Returns:
        How many modules do.
    """
    outermost = list(_outermost(network, kinds))
    for module in outermost:
        module.forward = partial(  # type: ignore[method-assign]
            checkpoint, module.forward, use_reentrant=False,
            context_fn=partial(_contexts, module))
    return len(outermost)


def _outermost(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[nn.Module]:
    for child in network.children():
        if isinstance(child, kinds):
            yield child
        else:
            yield from _outermost(child, kinds)


def _contexts(module: nn.Module) -> tuple[AbstractContextManager, AbstractContextManager]:
    """Return the contexts of the first and of the repeated pass."""
    return nullcontext(), _fixed_statistics(module)


@contextmanager
def _fixed_statistics(module: nn.Module) -> Iterator[None]:
    """Leave running statistics as the first pass has updated them."""
    norms = [each for each in module.modules() if isinstance(each, _BatchNorm)]
    kept = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
    try:
        for norm in norms:
            norm.momentum = 0.0
            norm.num_batches_tracked = None
        yield
    finally:
        for norm, momentum, tracked in kept:
            norm.momentum, norm.num_batches_tracked = momentum, tracked
