"""Measure memory: what is free, what an object holds, what a computation takes at its highest."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ssc_ros.errors import ConfigurationError
from ssc_ros.nodes.memory_plan import SPARE_BYTES, megabytes

_PROC = Path('/proc')
_CONTROL_GROUP = Path('/sys/fs/cgroup')

FreeBytes = Callable[[str], 'int | None']


def free_bytes(device: str) -> int | None:
    """
    Return what may still be taken of a device's memory, None where the system does not tell.

    On the CPU that is the lesser of what the machine and the container have left.
    """
    if device.startswith('cuda'):
        free: int = sys.modules['torch'].cuda.mem_get_info(device)[0]
        return free
    machine = _table(_PROC / 'meminfo', 1024).get('MemAvailable')
    container = _container_bytes()
    known = [value for value in (machine, container) if value is not None]
    return min(known, default=None)


def _container_bytes() -> int | None:
    """Return what control group version 2 leaves; its file cache can be had back."""
    try:
        limit = int((_CONTROL_GROUP / 'memory.max').read_text())
        used = int((_CONTROL_GROUP / 'memory.current').read_text())
    except (OSError, ValueError):  # no limit, another version, or no Linux
        return None
    cache = _table(_CONTROL_GROUP / 'memory.stat', 1).get('inactive_file', 0)
    return max(limit - used + cache, 0)


def resident_bytes(entry: str = 'VmRSS') -> int:
    """Return VmRSS (now) or VmHWM (highest) of this process, 0 where there is no /proc."""
    return _table(_PROC / 'self' / 'status', 1024).get(entry, 0)


def _table(path: Path, unit: int) -> dict[str, int]:
    """Return the numbers of a file of ``name: number unit`` lines."""
    try:
        rows = [line.replace(':', ' ').split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {row[0]: int(row[1]) * unit for row in rows if len(row) > 1 and row[1].isdigit()}


def held_bytes(root: Any) -> int:
    """Return the bytes of all arrays and tensors that an object holds, shared ones once."""
    tensor_type = getattr(sys.modules.get('torch'), 'Tensor', ())
    seen: set[int] = set()
    total, waiting = 0, deque([root])
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            if isinstance(item.base, np.ndarray):
                waiting.append(item.base)
            else:
                total += item.nbytes
        elif tensor_type and isinstance(item, tensor_type):
            storage = item.untyped_storage()
            if storage.data_ptr() not in seen:
                seen.add(storage.data_ptr())
                total += storage.nbytes()
        else:
            waiting.extend(_parts(item))
    return total


def _parts(item: Any) -> Iterator[Any]:
    """Yield what a container, or an instance of a class that is not the system's, refers to."""
    if isinstance(item, dict):
        yield from item.values()
    elif isinstance(item, (list, tuple, set, frozenset, deque)):
        yield from item
    elif type(item).__module__.partition('.')[0] not in ('builtins', 'threading', '_thread'):
        yield from getattr(item, '__dict__', {}).values()
        for cls in type(item).__mro__:
            names = cls.__dict__.get('__slots__', ())
            for name in (names,) if isinstance(names, str) else names:
                yield getattr(item, name, None)


class Probe:
    """
    What a computation took, while ``watching``.

    Attributes:
        growth: highest growth of the memory of the device.
        largest: the greatest result of a layer, and the class of the layer.
    """

    def __init__(self, device: str, free: FreeBytes = free_bytes) -> None:
        self.growth = 0
        self.largest: tuple[int, str] = (0, '')
        self._device = device
        self._free = free

    @contextmanager
    def watching(self) -> Iterator[None]:
        """
        Measure the block.

        Raises:
            ConfigurationError: memory ran short between two layers; on a CPU the system would
                otherwise end the process, and the user would never learn why.
        """
        before = self._start()
        torch = sys.modules.get('torch')
        hook = torch and torch.nn.modules.module.register_module_forward_hook(self._after_layer)
        try:
            yield
        finally:
            if hook:
                hook.remove()
            self.growth = max(self._highest() - before, 0)

    @property
    def _cuda(self) -> Any:
        return sys.modules['torch'].cuda if self._device.startswith('cuda') else None

    def _start(self) -> int:
        if self._cuda is not None:
            self._cuda.reset_peak_memory_stats(self._device)
            allocated: int = self._cuda.memory_allocated(self._device)
            return allocated
        with suppress(OSError):  # without the right to do so, an older peak may count, too
            (_PROC / 'self' / 'clear_refs').write_text('5')
        return resident_bytes()

    def _highest(self) -> int:
        if self._cuda is not None:
            highest: int = self._cuda.max_memory_allocated(self._device)
            return highest
        return resident_bytes('VmHWM')

    def _after_layer(self, layer: Any, inputs: Any, result: Any) -> None:
        size = held_bytes(result)
        if size > self.largest[0]:
            self.largest = size, type(layer).__name__
        free = None if self._cuda is not None else self._free(self._device)
        if free is not None and free < SPARE_BYTES:
            raise ConfigurationError(
                f'after a layer {type(layer).__name__} with a result of {megabytes(size)} only '
                f'{megabytes(free)} of memory are free: take smaller weights or a smaller map, '
                'or end other programs')
