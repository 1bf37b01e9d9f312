"""Scores of a replayed or offline evaluation, kept frame by frame so that none is ever lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.labels import LabelSpace
from ssc_ros.metrics import CompletionCounts, format_scores, format_table
from ssc_ros.paths import replacing


class FrameEvaluation(Protocol):
    """Streamed scores of one kind of estimate."""

    @property
    def num_frames(self) -> int: ...
    def add(self, labels: Any, truth: Any) -> NDArray[np.int64]: ...
    def add_confusion(self, confusion: NDArray[np.int64]) -> None: ...
    def as_dict(self) -> dict[str, Any]: ...
    def table(self) -> str: ...
    def note(self) -> str: ...


class Evaluation:
    """
    Streamed scores of label volumes of one label space.

    Attributes:
        num_frames: scored so far.
    """

    def __init__(self, label_space: LabelSpace) -> None:
        self.label_space = label_space
        self.num_frames = 0
        self._counts = CompletionCounts(len(label_space))

    def add(self, labels: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.int64]:
        """
        Score one frame and return its confusion counts.

        Args:
            labels: estimated (X, Y, Z) ids, or any other layout that ``truth`` shares.
            truth: ids of the same label space, 255 = not scored.

        Raises:
            DataError: sizes differ, or an id lies outside the label space.
        """
        counts = CompletionCounts(len(self.label_space))
        counts.update(labels, truth)
        self.add_confusion(counts.confusion)
        return counts.confusion

    def add_confusion(self, confusion: NDArray[np.int64]) -> None:
        """Add the confusion counts of one frame that was scored before."""
        if confusion.shape != self._counts.confusion.shape:
            raise DataError(
                f'confusion counts are {confusion.shape} but label space '
                f'{self.label_space.name} has {len(self.label_space)} classes')
        self._counts.confusion += confusion
        self.num_frames += 1

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as fractions, ready for JSON."""
        return {
            'frames_scored': self.num_frames, 'label_space': self.label_space.name,
            **self._counts.scores().as_dict(self.label_space.names)}

    def table(self) -> str:
        """Return the scores in percent as text."""
        return format_scores(self._counts.scores(), self.label_space.names)

    def note(self) -> str:
        """Return the scores in a few words."""
        scores = self._counts.scores()
        return f'SC {100 * scores.sc_iou:.1f}  SSC {100 * scores.ssc_miou:.1f}'


@dataclass(frozen=True, slots=True)
class FrameResult:
    """
    What became of one frame.

    Attributes:
        latency_ms: from the input to the result.
        confusion: counts by target and predicted id; empty where there is no ground truth.
        image_confusion: the same of the labelled image that came with a scene.
    """

    stamp_ns: int
    latency_ms: float
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    confusion: Sequence[Sequence[int]] = ()
    image_confusion: Sequence[Sequence[int]] = field(default_factory=list)


class EvaluationLog:
    """
    A text file with one line per finished frame, so that an evaluation can be resumed.

    Args:
        path: the file; its first line says what was evaluated.
        subject: what is evaluated (bag, weights, ...). A log of another subject starts anew.
    """

    def __init__(self, path: Path, subject: Mapping[str, Any]) -> None:
        self.path = path
        self.results: list[FrameResult] = []
        head = json.dumps(dict(subject), sort_keys=True)
        lines = path.read_text(encoding='utf-8').splitlines() if path.is_file() else []
        if lines[:1] == [head]:
            self.results = list(_read_results(lines[1:]))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Rewriting drops the half line that a killed evaluation may have left.
        write_text(path, '\n'.join([head, *map(_to_line, self.results)]) + '\n')
        self._file = path.open('a', encoding='utf-8')

    def append(self, result: FrameResult) -> None:
        """Add a finished frame; it survives a crash of the process from here on."""
        self.results.append(result)
        self._file.write(_to_line(result) + '\n')
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _to_line(result: FrameResult) -> str:
    return json.dumps(asdict(result))


def _read_results(lines: Iterable[str]) -> Iterable[FrameResult]:
    for line in lines:
        try:
            yield FrameResult(**json.loads(line))
        except (TypeError, ValueError):
            return


def duration_summary(values: Sequence[float]) -> dict[str, float]:
    """
    Return p50 and p95 of durations, empty when there are none.

    >>> duration_summary([1.0, 2.0, 3.0])['p50']
    2.0
    """
    if not len(values):
        return {}
    p50, p95 = np.percentile(values, [50, 95])
    return {'p50': float(p50), 'p95': float(p95)}


def median_stages(stages: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of every stage over all frames."""
    names = dict.fromkeys(name for frame in stages for name in frame)
    return {name: float(np.median([frame[name] for frame in stages if name in frame]))
            for name in names}


def summary_table(report: Mapping[str, Any]) -> str:
    """Return frames, drops and latency of a report as text."""
    latency = report.get('latency_ms', {})
    rows = [[name, str(report[key])] for name, key in (
        ('frames in', 'frames_in'), ('frames out', 'frames_out'), ('dropped', 'dropped'))]
    rows += [[f'latency {name} (ms)', f'{value:.1f}'] for name, value in latency.items()]
    rows += [[f'  {name} (ms)', f'{value:.1f}']
             for name, value in report.get('stage_ms', {}).items()]
    return format_table(['run', 'value'], rows)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file so that a reader sees the old or the new one, never a half."""
    write_text(path, json.dumps(document, indent=2) + '\n')


def write_text(path: Path, text: str) -> None:
    """Replace a text file in one step."""
    with replacing(path) as partial:
        partial.write_text(text, encoding='utf-8')
