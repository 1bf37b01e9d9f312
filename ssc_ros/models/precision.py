"""Where and in which number format networks run."""

from __future__ import annotations

import torch

from ssc_ros.errors import ConfigurationError

PRECISIONS = {
    'float32': torch.float32,
    'bfloat16': torch.bfloat16,
    'float16': torch.float16,
}


def resolve_device(name: str) -> torch.device:
    """
    Return the torch device of ``auto`` (first GPU, else CPU) or a device name.

    Raises:
        ConfigurationError: the name is not a device, or this machine does not have it.
    """
    if name == 'auto':
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigurationError(
            f'device {name!r} is not available ({str(error).splitlines()[0]}): use auto, cpu or '
            'one that torch lists') from error
    return device


def resolve_precision(name: str, device: torch.device) -> torch.dtype:
    """
    Return the dtype of convolutions; ``auto`` takes float16 on GPUs and what is fast on CPUs.

    Raises:
        ConfigurationError: unknown name.
    """
    if name == 'auto':
        if device.type == 'cuda':
            return torch.float16
        return torch.bfloat16 if _cpu_has_bfloat16() else torch.float32
    if name not in PRECISIONS:
        raise ConfigurationError(
            f'precision {name!r} is unknown: choose auto, {", ".join(PRECISIONS)}')
    return PRECISIONS[name]


def _cpu_has_bfloat16() -> bool:
    """Tell whether the CPU multiplies bfloat16 natively; emulation is slower than float32."""
    return bool(getattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)())
