"""How the process keeps its memory."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from ctypes import CDLL
from functools import lru_cache

import numpy as np

_LARGEST_KEPT_BYTES = 30_000_000


@lru_cache(maxsize=1)
def keep_freed_memory() -> None:
    """
    Let the C library keep what temporaries free, up to some 60 MB, for later ones.

    glibc's limit follows the largest block freed so far (mallopt(3), M_MMAP_THRESHOLD); below it
    every temporary of every frame comes from the kernel page by page, which costs a CPU network
    15 % of its time and a TSDF half of it. Other C libraries are left as they are.
    """
    np.empty(_LARGEST_KEPT_BYTES, np.uint8)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error of NumPy or PyTorch (which need not be loaded) is lack of memory."""
    names = {kind.__name__ for kind in type(error).__mro__}
    # PyTorch has a class for a GPU only; its CPU allocator raises a RuntimeError.
    return bool(names & {'MemoryError', 'OutOfMemoryError'}) or (
        isinstance(error, RuntimeError) and 'DefaultCPUAllocator' in str(error))


def free_cached_memory() -> None:
    """Give back what is unreachable, and what PyTorch keeps of the GPU for later."""
    gc.collect()
    torch = sys.modules.get('torch')
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def spare_from_collection() -> None:
    """
    Let the garbage collector pass over all that exists now, until ``give_back_memory``.

    With PyTorch loaded it would look through 180,000 lasting objects again and again, 0.1 s each
    time, in the middle of a frame.
    """
    gc.freeze()


def give_back_memory() -> None:
    """Return to the system what nobody uses, even what ``keep_freed_memory`` asked to keep."""
    gc.unfreeze()
    free_cached_memory()
    trim_memory()


def trim_memory() -> None:
    """Let the C library return what it keeps for later, of all threads."""
    with suppress(OSError, AttributeError):  # only glibc has it
        CDLL(None).malloc_trim(0)
