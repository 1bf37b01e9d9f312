"""How the process keeps its memory."""

from __future__ import annotations

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
