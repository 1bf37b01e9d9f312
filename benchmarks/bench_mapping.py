"""
What mapping_node costs: CPU time of a frame and of a completion, and if one waits for the other.

Run: python benchmarks/bench_mapping.py; soak_mapping.py looks at the memory of a long run.
"""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path

import numpy as np
import torch

from ssc_ros.bags import BagReader
from ssc_ros.bags.frames import FrameReader, find_frame_topics
from ssc_ros.commands.samples import WALK_BAG, sample_bag
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.geometry.placement import place_rounded
from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.odometry import decode_odometry
from ssc_ros.models.estimator import load_volume_estimator
from ssc_ros.nodes.mapping_engine import MappingEngine
from ssc_ros.nodes.mapping_settings import MappingParameters


def read_frames(bag: Path) -> list[PosedFrame]:
    """Return the posed frames of a bag as the node builds them."""
    with BagReader(bag) as reader:
        topics = find_frame_topics(reader, kind='rgbd')
        poses = {stamp_ns(message.decode().header.stamp): decode_odometry(message.decode())
                 for message in reader.messages((topics.odometry,))}
        frames = FrameReader(reader, topics, lambda pose: place_rounded('nyu', pose))
        return [PosedFrame(
            str(item.frame.stamp_ns), item.frame.depth_m, item.frame.rgb, item.frame.camera,
            item.frame.camera, poses[item.frame.stamp_ns].T_parent_child, item.frame.stamp_ns)
            for item in frames]


def measure_stages(weights: str, bag: Path, completions: int) -> None:
    """Print CPU time of fusing frames and of completing their surroundings."""
    engine = MappingEngine(load_volume_estimator(weights, device='cpu'), MappingParameters())
    engine.warm_up()
    frames = read_frames(bag)
    fused, completed = [], []
    for index, frame in enumerate(frames):
        started = time.thread_time()
        engine(frame)
        fused.append((time.thread_time() - started) * 1000)
        if index % max(len(frames) // completions, 1) == 0:
            started = time.process_time()  # the network has a thread of its own
            engine.complete(1.0)
            completed.append((time.process_time() - started) * 1000)
    started = time.thread_time()
    voxels = engine.map.view().voxels
    viewed = (time.thread_time() - started) * 1000
    started = time.thread_time()
    mesh = engine.map.view().mesh()
    meshed = (time.thread_time() - started) * 1000
    rows, columns = engine.map.box.shape
    print(f'{weights}: window {rows} x {columns} voxels of {engine.map.voxel_size_m:g} m, '
          f'{engine.map.memory_bytes / 1e6:.0f} MB, {len(frames)} frames of '
          f'{frames[0].rgb.shape[1]}x{frames[0].rgb.shape[0]}')
    for name, values in (('prepare and integrate a frame', fused),
                         ('complete a region', completed)):
        p50, p95 = np.percentile(values, (50, 95))
        print(f'{name}: CPU p50 {p50:.0f} ms, p95 {p95:.0f} ms ({len(values)})')
    print(f'copy the map and list {len(voxels.points)} voxels: CPU {viewed:.0f} ms; '
          f'mesh of {len(mesh.faces)} triangles: CPU {meshed:.0f} ms')


def measure_waiting(weights: str, bag: Path) -> None:
    """Print how long frames take to fuse alone, and while the network works all the time."""
    engine = MappingEngine(load_volume_estimator(weights, device='cpu'), MappingParameters())
    engine.warm_up()
    frames = read_frames(bag)
    is_over = threading.Event()

    def fused_ms() -> list[float]:
        return [sum(engine(frame).stage_ms.values()) for frame in frames]

    def complete() -> None:
        while not is_over.is_set():
            engine.complete(1.0)

    for name in ('alone', 'beside the network'):
        worker = threading.Thread(target=complete)
        if name != 'alone':
            worker.start()
        p50, p95, longest = np.percentile(fused_ms(), (50, 95, 100))
        print(f'prepare and integrate a frame, {name}: wall p50 {p50:.0f} ms, p95 {p95:.0f} ms, '
              f'longest {longest:.0f} ms; {engine.counts.completions} completions ended meanwhile')
        engine.clear()
    is_over.set()
    started = time.monotonic()
    worker.join()
    print(f'the completion under way then took another {time.monotonic() - started:.1f} s')


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--weights', default='random:s4r/small')
    parser.add_argument('--bag', type=Path, default=None, help='the sample walk')
    parser.add_argument('--completions', type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bag = options.bag or sample_bag(WALK_BAG)
    measure_stages(options.weights, bag, options.completions)
    measure_waiting(options.weights, bag)


if __name__ == '__main__':
    main()
