"""
What an iteration of IMENet costs on one RGB-D frame, from the images to the estimate.

Frames are those of the sample bag. CPU seconds are those of all threads, the median over the
frames: on a shared machine they are the steadier figure.

Run: python benchmarks/bench_iterations.py --threads 1 [--weights random:imenet/paper]
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import islice
from statistics import median

import torch

from ssc_ros.bags import BagReader
from ssc_ros.bags.frames import FrameReader, find_frame_topics
from ssc_ros.commands.samples import sample_bag
from ssc_ros.frames import RgbdFrame, StereoFrame
from ssc_ros.models.estimator import Estimator, load_estimator, set_iterations


def read_frames(estimator: Estimator, count: int) -> list[StereoFrame | RgbdFrame]:
    """Return the first frames of the sample bag."""
    with BagReader(sample_bag()) as reader:
        frames = FrameReader(
            reader, find_frame_topics(reader, kind='rgbd'), estimator.place_box)
        return [item.frame for item in islice(frames, count)]


def cpu_s(estimator: Estimator, frame: StereoFrame | RgbdFrame) -> float:
    """Estimate one frame and return what it cost."""
    started = time.process_time()
    estimator(frame)
    return time.process_time() - started


def main() -> None:
    """Print one JSON line per number of iterations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--weights', default='random:imenet/small')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--frames', type=int, default=5)
    parser.add_argument('--iterations', type=int, nargs='+', default=list(range(7)))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    estimator = load_estimator(args.weights, device=args.device, precision=args.precision)
    estimator.warm_up()
    frames = read_frames(estimator, args.frames)
    for iterations in args.iterations:
        set_iterations(estimator, iterations)
        walls, costs = [], []
        for frame in frames:
            started = time.perf_counter()
            costs.append(cpu_s(estimator, frame))
            walls.append(time.perf_counter() - started)
        print(json.dumps({
            'weights': args.weights, 'threads': args.threads, 'iterations': iterations,
            'cpu_s': round(median(costs), 3), 'wall_s': round(min(walls), 3)}), flush=True)


if __name__ == '__main__':
    main()
