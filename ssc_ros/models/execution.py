"""Run a trained network: its weights, its device, its number format, its most probable labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssc_ros.errors import WeightsError
from ssc_ros.models.layers.one_dnn import use_one_dnn
from ssc_ros.models.precision import resolve_device, resolve_precision
from ssc_ros.weights import load_state

NetworkT = TypeVar('NetworkT', bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Execution:
    """Where a network runs, and the number format of its convolutions."""

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def resolve(cls, device: str, precision: str) -> Execution:
        """
        Understand the names of ``load_estimator``.

        Raises:
            ConfigurationError: unknown device or precision.
        """
        resolved = resolve_device(device)
        return cls(resolved, resolve_precision(precision, resolved))

    def settle(self, network: NetworkT) -> NetworkT:
        """Move a network here, for inference, laid out as the fast kernels want it."""
        network = network.eval().to(self.device)
        for parameter in network.parameters():
            if parameter.dim() in (4, 5):
                layout = torch.channels_last if parameter.dim() == 4 else torch.channels_last_3d
                parameter.data = parameter.data.contiguous(memory_format=layout)
        return network

    def accelerate(self, network: NetworkT) -> NetworkT:
        """Let the fastest library there is for device and number format run a settled network."""
        if self.device.type == 'cpu' and self.dtype == torch.float32:
            use_one_dnn(network)
        return network

    @contextmanager
    def inferring(self) -> Iterator[None]:
        """Compute without gradients, convolutions in the number format."""
        with torch.inference_mode(), torch.autocast(
                self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            yield


def most_probable(logits: Tensor) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """
    Return labels and their probability, both in grid shape; ends with the device in step.

    Args:
        logits: (num_classes, X, Y, Z) of one frame.
    """
    scores = logits.float()
    best, labels = scores.max(dim=0)
    confidence = (best - scores.logsumexp(dim=0)).exp()
    return labels.to(torch.uint8).cpu().numpy(), confidence.cpu().numpy()


def load_tensors(network: NetworkT, bundle: Path) -> NetworkT:
    """
    Give a network the tensors of a bundle.

    Raises:
        WeightsError: corrupt, or the tensors do not fit the configuration.
    """
    try:
        network.load_state_dict(load_state(bundle))
    except RuntimeError as error:
        raise WeightsError(
            f'the tensors of {bundle} do not fit its config.json: {error}; export the bundle '
            'again from its checkpoint') from error
    return network


def build_seeded(build: Callable[[], NetworkT], seed: int) -> NetworkT:
    """Build a network with random weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()
