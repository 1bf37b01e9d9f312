"""The times of the last frames, and a service that writes them into a file."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from ssc_ros.errors import SscError
from ssc_ros.nodes.stage_topics import STAGES
from ssc_ros.paths import replacing

WRITE_SERVICE = '~/write_timings'


class TimingLog:
    """
    Stamps and stage durations of the newest frames; safe to use from several threads.

    Args:
        length: number of frames that are kept.
    """

    def __init__(self, length: int) -> None:
        self._lock = threading.Lock()
        self._frames: deque[tuple[int, dict[str, float]]] = deque(maxlen=length)

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, stamp_ns: int, durations_ms: Mapping[str, float]) -> None:
        """Keep a frame."""
        with self._lock:
            self._frames.append((stamp_ns, dict(durations_ms)))

    def clear(self) -> None:
        """Forget all frames."""
        with self._lock:
            self._frames.clear()

    def to_csv(self) -> str:
        """Return one line per frame, the oldest first; a stage that it did not have is empty."""
        with self._lock:
            frames = list(self._frames)
        stages = _in_order({stage for _, durations in frames for stage in durations})
        lines = [','.join(['stamp_ns', *(f'{stage}_ms' for stage in stages)])]
        for stamp_ns, durations in frames:
            cells = (f'{durations[stage]:.3f}' if stage in durations else '' for stage in stages)
            lines.append(','.join([str(stamp_ns), *cells]))
        return '\n'.join(lines) + '\n'


def _in_order(stages: Iterable[str]) -> list[str]:
    """Return stages in the order of their topics, further ones by name."""
    order = list(STAGES)
    return sorted(stages, key=lambda stage: (
        order.index(stage) if stage in order else len(order), stage))


class TimingService:
    """
    ``~/write_timings``: writes the log as CSV, whole or not at all.

    Args:
        path_of: returns where a file of that name may lie; see ``SscLifecycleNode.confined_path``.
    """

    def __init__(self, node: Node, log: TimingLog, path_of: Callable[[str], Path]) -> None:
        self._node = node
        self._log = log
        self._path_of = path_of
        node.create_service(Trigger, WRITE_SERVICE, self._serve)

    def _serve(self, request: Any, response: Any) -> Any:
        response.success, response.message = self.write()
        return response

    def write(self) -> tuple[bool, str]:
        """Return whether the file was written, and where or why not."""
        count = len(self._log)
        if not count:
            return False, 'no frame was processed yet'
        moment = datetime.now(timezone.utc).strftime('%Y%m%dT%H%M%S_%f')
        name = f'{self._node.get_name()}_timings_{moment}.csv'
        try:
            path = self._path_of(name)
            with replacing(path) as partial:
                partial.write_text(self._log.to_csv(), encoding='utf-8')
        except (OSError, SscError) as error:
            return False, (f'cannot write {name}: {error}; make room, or start the node with '
                           'another files_directory')
        return True, f'{count} frames written to {path}'
