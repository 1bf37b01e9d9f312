"""
What each back-end takes to run a network, inputs and outputs included, and how far they agree.

The inputs are those of one frame of noise; images and tables are prepared once. Turns alternate
between the back-ends, so that other work on the machine meets both; medians are compared.

Run: python benchmarks/bench_backends.py --threads 1 [--weights gad_small_nyu ...]
"""

from __future__ import annotations

import argparse
import json
import time
from statistics import median
from typing import Any

import numpy as np
import torch

from ssc_ros.frames import RgbFrame
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.models.backends import BACKENDS
from ssc_ros.models.estimator import LOADERS, network_of
from ssc_ros.models.s4r.inputs import INPUT_CHANNELS

CAMERA_HEIGHT_M = 1.3


def make_frame(estimator: Any, seed: int = 0) -> Any:
    """Return a frame of noise of the kind and size that an estimator takes."""
    generator = np.random.default_rng(seed)
    if not hasattr(estimator.config, 'image_size'):
        return generator.uniform(0, 1, (INPUT_CHANNELS, *estimator.config.chunk_shape))
    height, width = estimator.config.image_size
    camera = PinholeCamera(
        0.8 * width, 0.8 * width, (width - 1) / 2, (height - 1) / 2, height, width)
    noise = generator.integers(0, 255, (height, width, 3), np.uint8)
    if not hasattr(estimator, 'black_frame'):
        return RgbFrame(noise, camera)
    return estimator.black_frame(
        noise, camera, estimator.place_box(level_camera_pose(height_m=CAMERA_HEIGHT_M)))


def inference(estimator: Any, prepared: Any) -> tuple[float, float]:
    """Run the network once and return wall and CPU seconds, the latter of all threads."""
    started, started_cpu = time.perf_counter(), time.process_time()
    estimator.infer(prepared)
    return time.perf_counter() - started, time.process_time() - started_cpu


def labels_of(estimate: Any) -> Any:
    """Return the labels of voxels, or of pixels where there are no voxels."""
    return estimate.labels if hasattr(estimate, 'labels') else estimate.image_labels


def compare(weights: str, device: str, rounds: int) -> dict[str, Any]:
    """Return the figures of one network."""
    load = LOADERS[network_of(weights)[0].answers]
    estimators: list[Any] = [
        load(weights, device=device, precision='float32', backend=name) for name in BACKENDS]
    frame = make_frame(estimators[0])
    estimates = [estimator(frame) for estimator in estimators]
    prepared = [estimator.prepare(frame) for estimator in estimators]
    costs: list[list[tuple[float, float]]] = [[] for _ in estimators]
    for _ in range(rounds):
        for cost, estimator, inputs in zip(costs, estimators, prepared, strict=True):
            cost.append(inference(estimator, inputs))
    wall_s, cpu_s = ([median(part[index] for part in cost) for cost in costs] for index in (0, 1))
    first, second = map(labels_of, estimates)
    return {
        'weights': weights, 'device': device, 'threads': torch.get_num_threads(),
        'providers': estimators[1].backend.providers,
        'wall_ms': dict(zip(BACKENDS, (round(1000 * value, 1) for value in wall_s), strict=True)),
        'cpu_ms': dict(zip(BACKENDS, (round(1000 * value, 1) for value in cpu_s), strict=True)),
        'cpu_ratio': round(cpu_s[0] / cpu_s[1], 2),
        'labels_equal': float((first == second).mean()),
        'confidence_apart': float(np.abs(estimates[0].confidence - estimates[1].confidence).max())}


def main() -> None:
    """Print one JSON line per network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--weights', nargs='+', default=[
        'gad_small_nyu', 'occdepth_small_rooms', 'ammnet_small_nyu', 's4r_small_rooms'])
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--rounds', type=int, default=11)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for weights in args.weights:
        print(json.dumps(compare(weights, args.device, args.rounds)), flush=True)


if __name__ == '__main__':
    main()
