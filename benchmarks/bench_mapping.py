"""
What mapping_node costs: CPU time of a frame and of a completion, and memory over a long replay.

The replay plays a bag again and again; every jump back in time begins a new map.
Run: python benchmarks/bench_mapping.py --minutes 3
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from ssc_ros.bags import BagReader
from ssc_ros.bags.frames import FrameReader, find_frame_topics
from ssc_ros.commands.map_demo import NODE
from ssc_ros.commands.processes import node_processes
from ssc_ros.commands.replay import PLAYER, RECORDER, input_parameters, node_remaps
from ssc_ros.commands.samples import WALK_BAG, sample_bag
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.geometry.placement import place_rounded
from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.odometry import decode_odometry
from ssc_ros.models.estimator import load_volume_estimator
from ssc_ros.nodes.mapping_engine import MappingEngine
from ssc_ros.nodes.mapping_settings import MappingParameters

SAMPLE_S = 5.0
WARM_S = 20.0


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
    """Print CPU time of fusing frames and of completing their surroundings, in one thread."""
    engine = MappingEngine(load_volume_estimator(weights, device='cpu'), MappingParameters())
    engine.warm_up()
    frames = read_frames(bag)
    fused, completed = [], []
    for index, frame in enumerate(frames):
        started = time.thread_time()
        engine(frame)
        fused.append((time.thread_time() - started) * 1000)
        if index % max(len(frames) // completions, 1) == 0:
            started = time.thread_time()
            engine.complete(1.0)
            completed.append((time.thread_time() - started) * 1000)
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


def resident_mb(process_id: int) -> float:
    """Return the resident memory of a process."""
    for line in Path(f'/proc/{process_id}/status').read_text().splitlines():
        if line.startswith('VmRSS:'):
            return int(line.split()[1]) / 1024
    raise ValueError(f'process {process_id} has no VmRSS')


def replay(weights: str, bag: Path, minutes: float) -> None:
    """Print memory over a replay and what the node says of itself at its end."""
    with tempfile.TemporaryDirectory() as folder, BagReader(bag) as reader:
        topics = find_frame_topics(reader, kind='rgbd')
        recorded = Path(folder) / 'bag'
        with node_processes(Path(folder)) as nodes:
            nodes.start(RECORDER, {
                'bag': str(recorded), 'topics': ['/diagnostics', f'/{NODE}/voxels/points']})
            nodes.start(NODE, {
                'model.weights': weights, 'pose.source': 'odometry', **input_parameters(topics)},
                node_remaps(topics))
            nodes.start(PLAYER, {
                'bag': str(bag), 'loop': True, 'wait_for_subscribers': 1,
                'topics': [topics.first, topics.second, topics.first_info, topics.odometry]})
            while 'listening' not in nodes.log(NODE):
                time.sleep(0.5)
            samples = sample_memory(nodes.process_id(NODE), minutes * 60)
        early = [mb for at_s, mb in samples if WARM_S <= at_s < WARM_S + 30]
        late = [mb for at_s, mb in samples if at_s >= samples[-1][0] - 30]
        print(f'{minutes:g} min of replay: {np.mean(early):.0f} MB at the start, '
              f'{np.mean(late):.0f} MB at the end, '
              f'at most {max(mb for _, mb in samples):.0f} MB')
        print_diagnostics(recorded)


def sample_memory(process_id: int, duration_s: float) -> list[tuple[float, float]]:
    """Return (seconds, MB) every few seconds."""
    started, samples = time.monotonic(), []
    while (now := time.monotonic() - started) < duration_s:
        samples.append((now, resident_mb(process_id)))
        time.sleep(SAMPLE_S)
    return samples


def print_diagnostics(bag: Path) -> None:
    """Print the last figures that the node sent."""
    figures: dict[str, str] = {}
    with BagReader(bag) as reader:
        for message in reader.messages(('/diagnostics',)):
            for status in message.decode().status:
                if NODE in status.name:
                    figures.update({item.key: item.value for item in status.values})
    for key, value in figures.items():
        if 'fused' in key or 'complet' in key or 'map' in key or key.endswith('(ms)'):
            print(f'  {key}: {value}')


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--weights', default='random:s4r/small')
    parser.add_argument('--bag', type=Path, default=None, help='the sample walk')
    parser.add_argument('--completions', type=int, default=4)
    parser.add_argument('--minutes', type=float, default=3.0, help='of replay, 0 = none')
    options = parser.parse_args()
    torch.set_num_threads(1)
    bag = options.bag or sample_bag(WALK_BAG)
    measure_stages(options.weights, bag, options.completions)
    if options.minutes > 0:
        replay(options.weights, bag, options.minutes)


if __name__ == '__main__':
    main()
