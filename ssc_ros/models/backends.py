"""What may run a network between preparing and finishing: torch, or another runtime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ssc_ros.errors import ConfigurationError

TORCH, ONNXRUNTIME = 'torch', 'onnxruntime'
BACKENDS = (TORCH, ONNXRUNTIME)


class Backend(Protocol):
    """Takes and returns what the forward pass of the network does."""

    def __call__(self, *inputs: Any) -> Any:
        """
        Run the network.

        Args:
            inputs: tensors, and named tuples of tensors or None.

        Returns:
            A named tuple; at least what the estimator reads of it is there.
        """


@dataclass(frozen=True, slots=True)
class ExportedOutput:
    """
    What an estimator reads of the output of its network.

    Attributes:
        kind: named tuple that the network returns.
        fields: those that are read; one that the configuration lacks is None.
    """

    kind: Any
    fields: tuple[str, ...]

    def make(self, values: Mapping[str, Any]) -> Any:
        """Return the named tuple with these values, None elsewhere."""
        return self.kind._make(values.get(name) for name in self.kind._fields)


def resolve_backend_precision(backend: str, precision: str) -> str:
    """
    Return the precision to load a network with.

    Raises:
        ConfigurationError: unknown back-end, or it does not compute in that precision.
    """
    if backend not in BACKENDS:
        raise ConfigurationError(
            f'back-end {backend!r} is unknown: choose {" or ".join(BACKENDS)}')
    if backend == TORCH:
        return precision
    if precision not in ('auto', 'float32'):
        raise ConfigurationError(
            f'precision {precision!r} was asked for, but back-end {backend} runs networks in '
            f'float32: set precision to auto, or the back-end to {TORCH}')
    return 'float32'
