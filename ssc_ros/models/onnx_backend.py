"""Networks in ONNX Runtime, on a CPU or through its providers for NVIDIA GPUs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.backends import ExportedOutput
from ssc_ros.models.onnx_cache import OnnxCache, default_cache_folder
from ssc_ros.models.onnx_export import export_key, export_network, flattened, input_name

CPU_PROVIDER = 'CPUExecutionProvider'
CUDA_PROVIDER = 'CUDAExecutionProvider'
TENSORRT_PROVIDER = 'TensorrtExecutionProvider'
_TOLERANCE = 1e-3
_QUIET = 3  # errors only


class OnnxBackend:
    """
    An exported network.

    Attributes:
        path: of the ONNX file.
        was_built: it was exported just now, not found.
        providers: what ONNX Runtime runs it with, the preferred one first.
        advice: what would run it faster and how to get that; empty where nothing is missing.
    """

    def __init__(
        self, path: Path, output: ExportedOutput, device: torch.device, *,
        was_built: bool = False,
    ) -> None:
        self.path, self.was_built = path, was_built
        self._output, self._device = output, device
        wanted = wanted_providers(device)
        self._session = _open_session(path, device, wanted)
        self.providers: tuple[str, ...] = tuple(self._session.get_providers())
        self.advice = missing_advice(wanted, self.providers)
        self._inputs = {entry.name for entry in self._session.get_inputs()}
        self._outputs = [entry.name for entry in self._session.get_outputs()]

    def __call__(self, *inputs: Any) -> Any:
        """Run the network on inputs of the shapes that it was exported with."""
        return self._output.make(self.run(inputs))

    def run(self, inputs: tuple[Any, ...]) -> dict[str, Tensor]:
        """Return the exported fields by name, on the device of the estimator."""
        tensors = {input_name(index): tensor for index, tensor in enumerate(flattened(inputs))}
        values = self._session.run(None, {
            name: tensor.cpu().numpy() for name, tensor in tensors.items()
            if name in self._inputs})  # what a configuration never reads is not in the file
        return {name: torch.from_numpy(value).to(self._device)
                for name, value in zip(self._outputs, values, strict=True)}


def open_onnx_backend(
    network: nn.Module, output: ExportedOutput, record: Callable[[], tuple[Any, ...]], *,
    network_name: str, config: Any, device: torch.device, cache: OnnxCache | None = None,
) -> OnnxBackend:
    """
    Find the exported network in the cache, or export it.

    Args:
        network: ready to run on the device, in float32.
        output: what shall be exported of its output.
        record: returns inputs of one frame; called where nothing is found.
        cache: by default the folder ``ssc_ros/onnx`` of the user's cache.

    Raises:
        ConfigurationError: a package or provider is missing, the network cannot be exported, or
            gives other values then.
    """
    wanted_providers(device)
    cache = cache or OnnxCache(default_cache_folder())
    key = export_key(network, network_name, config)
    path = cache.find(key)
    if path is not None:
        return OnnxBackend(path, output, device)
    export = export_network(network, record(), output)
    backend = OnnxBackend(cache.write(key, export.content), output, device, was_built=True)
    for inputs, expected in export.checks:
        _check_same(backend.run(inputs), expected)
    cache.approve(key)
    return backend


def wanted_providers(device: torch.device) -> tuple[str, ...]:
    """
    Return what runs networks on a device, best first.

    Raises:
        ConfigurationError: ONNX Runtime is missing, or does not have what the device needs.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigurationError(
            f'back-end onnxruntime is not installed ({error}): pip install "ssc_ros[onnx]", or '
            'set the back-end to torch') from error
    if device.type == 'cpu':
        return (CPU_PROVIDER,)
    available = onnxruntime.get_available_providers()
    if device.type != 'cuda' or CUDA_PROVIDER not in available:
        raise _no_provider(device, available)
    return (TENSORRT_PROVIDER, CUDA_PROVIDER, CPU_PROVIDER)


def missing_advice(wanted: tuple[str, ...], providers: tuple[str, ...]) -> str:
    """Say what a session lacks, and how to get it."""
    if TENSORRT_PROVIDER in wanted and TENSORRT_PROVIDER not in providers:
        return (f'{TENSORRT_PROVIDER} is missing: it needs onnxruntime-gpu and the TensorRT '
                'libraries (pip install tensorrt); until then the network runs with '
                f'{providers[0]}')
    return ''


def _open_session(path: Path, device: torch.device, wanted: tuple[str, ...]) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = _QUIET
    index = {'device_id': str(device.index or 0)}
    settings = {
        CUDA_PROVIDER: index,
        # TensorRT compiles for minutes: once.
        TENSORRT_PROVIDER: {**index, 'trt_engine_cache_enable': '1',
                            'trt_engine_cache_path': str(path.parent)}}
    available = onnxruntime.get_available_providers()
    session = onnxruntime.InferenceSession(str(path), options, providers=[
        (name, settings.get(name, {})) for name in wanted if name in available])
    # A provider whose libraries do not load is left out without an error.
    if device.type == 'cuda' and CUDA_PROVIDER not in session.get_providers():
        raise _no_provider(device, session.get_providers())
    return session


def _no_provider(device: torch.device, available: list[str]) -> ConfigurationError:
    return ConfigurationError(
        f'the network shall run on {device}, but ONNX Runtime has {", ".join(available)} here: '
        'for an NVIDIA GPU pip install onnxruntime-gpu in the place of onnxruntime (with the '
        'versions of CUDA and cuDNN that it names), set device to cpu, or the back-end to torch')


def _check_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Compare with torch, relative to the largest value where that is above one."""
    for name, value in expected.items():
        scale = max(float(value.abs().max()), 1.0)
        apart = float((found[name].cpu() - value).abs().max()) / scale
        if not apart <= _TOLERANCE:
            raise ConfigurationError(
                f'the exported network gives another {name} than torch, apart by {apart:.2g} of '
                'the largest value: set the back-end to torch')
