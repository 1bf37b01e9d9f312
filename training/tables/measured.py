"""Measured scores: one JSON file per run and split, with what is needed to repeat it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import yaml

from ssc_ros.errors import DataError
from ssc_ros.metrics import BenchmarkCounts, Interval

COUNTS_SUFFIX = '_counts.npz'
_ROOT = Path(__file__).parents[2]


class FrameCounts(Protocol):
    """What the counts of every frame of a split offer, whatever is scored."""

    num_classes: int

    @property
    def frame_ids(self) -> tuple[str, ...]:
        """Frames counted so far, sorted."""

    @classmethod
    def from_arrays(cls, arrays: Any) -> Any:
        """Return the counts that `to_arrays` gave away."""

    def to_arrays(self) -> dict[str, Any]:
        """Return what `np.savez` keeps."""

    def intervals(self) -> dict[str, Interval]:
        """Return the confidence intervals of the scores."""

    def gains(self, reference: Any) -> dict[str, Interval]:
        """Return by how much the scores exceed those of a reference on the same frames."""


Counts = TypeVar('Counts', bound=FrameCounts)


def benchmark_result(
    counts: BenchmarkCounts, names: Sequence[str], *, missing: Sequence[int] = (),
    device: str = 'cpu', **details: Any,
) -> dict[str, Any]:
    """
    Return scores with intervals and provenance, ready for JSON.

    Args:
        names: of the classes, the empty one first.
        missing: frames of the split that were not scored.
        device: where the network ran, e.g. `cuda:0`.
        details: what else identifies the run: experiment, reproduces (a row of the tables),
            split, seed, weights...
    """
    return {
        **details, 'frames': len(counts.frame_ids), 'missing': sorted(missing),
        **counts.scores().as_dict(names), 'intervals': interval_ends(counts), 'device': device,
        **provenance(device)}


def interval_ends(counts: FrameCounts) -> dict[str, list[float]]:
    """Return the ends of the scores' confidence intervals, ready for JSON."""
    return {name: [interval.low, interval.high] for name, interval in counts.intervals().items()}


def provenance(device: str = 'cpu') -> dict[str, str]:
    """Return commit, machine and date (UTC) of a measurement that is being made."""
    now = datetime.now(timezone.utc)
    return {'commit': commit(), 'machine': machine(device), 'date': f'{now:%Y-%m-%d}'}


def commit() -> str:
    """Return the short commit of the checkout, `-dirty` with changes, `unknown` without git."""
    try:
        answer = subprocess.run(
            ['git', '-C', str(_ROOT), 'describe', '--always', '--dirty', '--exclude=*'],
            capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return 'unknown'
    return answer.stdout.strip()


def machine(device: str = 'cpu') -> str:
    """Name the processor that a network runs on."""
    if device.startswith('cuda'):
        import torch
        return str(torch.cuda.get_device_name(device))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return f'{_processor()}, {cores} core{"" if cores == 1 else "s"}'


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='ascii', errors='replace').splitlines()
    except OSError:
        lines = []
    names = (line.partition(':')[2].strip() for line in lines if line.startswith('model name'))
    return next(names, platform.processor() or platform.machine())


def read_counts(result: Mapping[str, Any], kind: type[Counts]) -> Counts | None:
    """
    Return the counts of every frame behind a result of `measured_rows`, None where none are kept.

    Args:
        kind: class of the counts.

    Raises:
        DataError: they are damaged; the file is named.
    """
    path = Path(result['folder']) / f'{result.get("split", "test")}{COUNTS_SUFFIX}'
    if not path.is_file():
        return None
    try:
        with path.open('rb') as file, np.load(file, allow_pickle=False) as arrays:
            counts: Counts = kind.from_arrays(arrays)
            return counts
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f'{path} is damaged ({error!r}): score the run again') from error


def write_result(folder: Path, result: Mapping[str, Any], counts: FrameCounts) -> Path:
    """Write `<split>.json`, and the counts of every frame beside it; return the JSON's path."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / f'{result["split"]}{COUNTS_SUFFIX}', **counts.to_arrays())
    path = folder / f'{result["split"]}.json'
    path.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    return path


def measured_rows(runs: Path) -> dict[str, list[dict[str, Any]]]:
    """
    Return the test scores of all runs under a folder, by the row they reproduce.

    Each also holds its `folder`.

    Raises:
        DataError: a result is damaged; it is named.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(runs.glob('**/test.json')):
        result = _read_result(path)
        if result.get('reproduces'):
            rows.setdefault(result['reproduces'], []).append(result)
    return rows


def _read_result(path: Path) -> dict[str, Any]:
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
        if not isinstance(result, dict):
            raise ValueError('no JSON object')
    except (OSError, ValueError) as error:
        raise DataError(
            f'{path} is damaged ({error}): score the run again, or delete the file') from error
    result['folder'] = str(path.parent)
    if result.get('seed') is None:
        result['seed'] = _seed_of_run(path.with_name('experiment.yaml'))
    return result


def _seed_of_run(path: Path) -> int | None:
    if not path.is_file():
        return None
    document = yaml.safe_load(path.read_text(encoding='utf-8'))
    seed: int | None = (document.get('run') or {}).get('seed')
    return seed
