"""Turn the forward pass of a network into an ONNX file."""

from __future__ import annotations

import hashlib
import json
import warnings
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.memory import is_out_of_memory
from ssc_ros.models.backends import ExportedOutput

OPSET = 20  # the first that samples volumes as torch's grid_sample does
# Counts changes of this module that change files; other code of a network is part of the key.
_REVISION = 1
_MODELS_FOLDER = Path(__file__).parent


def flattened(inputs: tuple[Any, ...]) -> list[Tensor]:
    """List the tensors of tensors and named tuples, without what is None."""
    return [part for entry in inputs
            for part in ((entry,) if isinstance(entry, Tensor) else entry) if part is not None]


def input_name(index: int) -> str:
    """Return how the ONNX file calls an entry of ``flattened``."""
    return f'input_{index}'


def varied(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """
    Return inputs of the same shapes that show something else.

    Of each tensor the first third is repeated: every value stays possible, and what follows from
    values, as the number of visible voxels does, changes.
    """
    return tuple(
        _repeated(entry) if isinstance(entry, Tensor)
        else type(entry)._make(None if part is None else _repeated(part) for part in entry)
        for entry in inputs)


def _repeated(tensor: Tensor) -> Tensor:
    flat = tensor.flatten()
    third = max(len(flat) // 3, 1)
    return flat[torch.arange(len(flat), device=flat.device) % third].view_as(tensor)


class _FlatNetwork(nn.Module):
    """The network as a function of tensors that returns tensors: what files can hold."""

    def __init__(
        self, network: nn.Module, example: tuple[Any, ...], output: ExportedOutput,
    ) -> None:
        super().__init__()
        self.network = network
        self._example = example
        self._output = output

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the fields that the configuration has."""
        return tuple(self.named(*tensors).values())

    def named(self, *tensors: Tensor) -> dict[str, Tensor]:
        """Return the same by name."""
        waiting = iter(tensors)
        inputs = [
            next(waiting) if isinstance(entry, Tensor)
            else type(entry)._make(None if part is None else next(waiting) for part in entry)
            for entry in self._example]
        result = self.network(*inputs)
        return {name: value for name in self._output.fields
                if (value := getattr(result, name)) is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Export:
    """
    An exported network.

    Attributes:
        content: of the ONNX file.
        checks: inputs, and what torch makes of them by name; the example and a variation of it,
            as what depends on values may have become constant.
    """

    content: bytes
    checks: tuple[tuple[tuple[Any, ...], dict[str, Tensor]], ...]


def export_network(
    network: nn.Module, example: tuple[Any, ...], output: ExportedOutput,
) -> Export:
    """
    Export a network.

    Args:
        network: in eval mode, in float32, on any device.
        example: inputs of one frame; later ones have the same shapes.

    Raises:
        ConfigurationError: a package is missing, or the network cannot be exported.
    """
    _require_onnx()
    flat = _FlatNetwork(deepcopy(network).cpu(), example, output)
    tensors = tuple(tensor.cpu() for tensor in flattened(example))
    try:
        with TemporaryDirectory() as folder, torch.no_grad(), warnings.catch_warnings():
            # That sizes become constants is meant: they belong to the configuration.
            warnings.simplefilter('ignore')
            checks = tuple(
                (inputs, flat.named(*(tensor.cpu() for tensor in flattened(inputs))))
                for inputs in (example, varied(example)))
            path = Path(folder) / 'network.onnx'
            torch.onnx.export(
                flat, tensors, path, dynamo=False, opset_version=OPSET,
                input_names=[input_name(index) for index in range(len(tensors))],
                output_names=list(checks[0][1]))
            return Export(path.read_bytes(), checks)
    except Exception as error:  # whatever the exporter met: it has no common class
        if is_out_of_memory(error):
            raise
        raise ConfigurationError(
            f'the network cannot be exported to ONNX ({_first_line(error)}): set the back-end to '
            'torch') from error


def export_key(network: nn.Module, network_name: str, config: Any) -> str:
    """Return a checksum of all that an export depends on: weights, configuration and code."""
    digest = hashlib.sha256(json.dumps(
        [_REVISION, OPSET, str(torch.__version__), network_name, config.to_dict()],
        sort_keys=True, default=str).encode())
    for folder in (network_name, 'layers'):
        for path in sorted((_MODELS_FOLDER / folder).rglob('*.py')):
            digest.update(path.read_bytes())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f'exporting a network needs onnx ({error}): pip install "ssc_ros[onnx]", or set the '
            'back-end to torch') from error


def _first_line(error: Exception) -> str:
    return f'{type(error).__name__}: {error}'.splitlines()[0]
