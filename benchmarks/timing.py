"""Contestants that take turns, figures on paper, and measurements in processes of their own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import torch

CPU = torch.device('cpu')


class Timing(NamedTuple):
    """Shortest of several runs, in seconds."""

    wall_s: float
    cpu_s: float


def seconds(run: Callable[[], object], device: torch.device = CPU) -> Timing:
    """Return the time of one run, that of the device included."""
    _synchronize(device)
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    _synchronize(device)
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def _synchronize(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize()


def take_turns(
    contestants: Mapping[str, Callable[[], object]], rounds: int, device: torch.device = CPU,
) -> dict[str, Timing]:
    """Return the shortest times of each contestant; the first round warms up."""
    found: dict[str, list[Timing]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, run in contestants.items():
            timing = seconds(run, device)
            if number:
                found[name].append(timing)
    return {name: Timing(*map(min, zip(*timings, strict=True)))
            for name, timings in found.items()}


def figures_of(times: Mapping[str, Timing]) -> dict[str, float]:
    """Return wall and CPU time of every contestant by name."""
    return {f'{name}_{field}': value for name, timing in times.items()
            for field, value in timing._asdict().items()}


def report(
    figures: Mapping[str, float], json_file: Path | None, *,
    name_width: int = 32, value_format: str = '10.3f',
) -> None:
    """Print figures, one a line, and write them to a file where one is given."""
    for name, value in figures.items():
        print(f'{name:{name_width}}{value:{value_format}}')
    if json_file:
        json_file.write_text(json.dumps(figures))


def measured_apart(
    script: str, way: str, scene: str, arguments: argparse.Namespace, options: tuple[str, ...],
) -> list[float]:
    """
    Run a benchmark in a process of its own, whose memory nothing else has grown.

    Args:
        script: file of the benchmark; given ``--only WAY SCENE`` it prints bare numbers.
        options: names of the arguments to hand on.
    """
    command = [sys.executable, script, '--only', way, scene]
    for name in options:
        command += [f'--{name}', str(getattr(arguments, name))]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(value) for value in answer.stdout.split()]
