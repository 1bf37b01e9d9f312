"""
What oneDNN saves on a CPU in float32, where torch would take its own 3D convolution.

Both networks take turns on one frame of noise, so that other work on the machine meets both;
medians of CPU time are compared.

Run: python benchmarks/bench_one_dnn.py --threads 1 [--weights s4r_small_rooms ...]
"""

from __future__ import annotations

import argparse
import json
import time
from statistics import median
from typing import Any

import torch
from bench_backends import make_frame
from torch import nn

from ssc_ros.models.estimator import LOADERS, network_of
from ssc_ros.models.layers.one_dnn import OneDnnConv3d

WEIGHTS = ('s4r_small_rooms', 'ammnet_small_nyu', 'occdepth_small_rooms', 'random:imenet/small')


def leave_to_torch(network: nn.Module) -> None:
    """Take back what ``use_one_dnn`` did."""
    for module in network.modules():
        if isinstance(module, OneDnnConv3d):
            module.__class__ = nn.Conv3d


def cpu_seconds(estimator: Any, prepared: Any) -> float:
    """Run the network once and return the CPU time of all threads."""
    started = time.process_time()
    estimator.infer(prepared)
    return time.process_time() - started


def compare(weights: str, rounds: int) -> dict[str, Any]:
    """Return the figures of one network."""
    load = LOADERS[network_of(weights)[0].answers]
    estimators: list[Any] = [load(weights, device='cpu', precision='float32') for _ in range(2)]
    leave_to_torch(estimators[0].backend)
    prepared = estimators[0].prepare(make_frame(estimators[0]))
    costs: list[list[float]] = [[], []]
    for turn in range(rounds + 1):
        for cost, estimator in zip(costs, estimators, strict=True):
            seconds = cpu_seconds(estimator, prepared)
            if turn:  # the first one prepares
                cost.append(seconds)
    before, after = map(median, costs)
    return {'weights': weights, 'threads': torch.get_num_threads(),
            'torch_ms': round(1000 * before, 1), 'one_dnn_ms': round(1000 * after, 1),
            'ratio': round(before / after, 2)}


def main() -> None:
    """Print one JSON line per network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--weights', nargs='+', default=WEIGHTS)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--rounds', type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for weights in args.weights:
        print(json.dumps(compare(weights, args.rounds)), flush=True)


if __name__ == '__main__':
    main()
