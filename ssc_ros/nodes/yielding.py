"""A thread for long computations that leaves the CPU to others."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor


def yielding_thread(name: str, niceness: int) -> ThreadPoolExecutor:
    """
    Return one thread to submit work to; shut it down in the end.

    What holds a lock should not run in it: who waits for the lock would yield the CPU, too.

    Args:
        niceness: 0 to 19, as of the command nice; of this thread alone, and of those that it
            starts to compute with. Other systems than Linux know none of threads.
    """
    # run_node() knows by the name which threads may still compute when the process ends.
    return ThreadPoolExecutor(1, f'ssc_{name}', _yield_cpu, (niceness,))


def _yield_cpu(niceness: int) -> None:
    if niceness and sys.platform == 'linux':
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
