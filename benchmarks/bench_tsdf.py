"""
Time the TSDF of one 640x480 depth image: block by block against every cell at once.

    python benchmarks/bench_tsdf.py [--repeats 10] [--raw NYU0001_0000]

Both compute the same values. ``every cell`` is the plain form in torch: a distance transform of
75 shifted maxima and a projection over all 8.3 million fine cells; it is also what runs on a GPU.
Machines differ: read the ratios, they come from one run. CPU time is that of all threads, and
leaves out what other processes took. Pin the run (taskset) to choose the cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import torch

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import BoxPlacement, nyu_placement
from ssc_ros.geometry.transforms import inverse_rigid, level_camera_pose
from ssc_ros.geometry.tsdf import DEFAULT_TSDF, TsdfVolume, compute_tsdf
from ssc_ros.geometry.tsdf_tensor import tensor_tsdf

CAMERA = PinholeCamera(518.8579, 519.4696, 325.58, 253.74, 480, 640)
CAMERA_HEIGHT_M, PITCH_RAD = 1.3, 0.2
ROUNDS = 3
Ways = dict[str, Callable[[], Any]]


def room() -> tuple[np.ndarray, BoxPlacement]:
    """Return depth of a furnished room, with a sensor's noise and holes, and its box."""
    pose = level_camera_pose(height_m=CAMERA_HEIGHT_M, pitch_rad=PITCH_RAD)
    v, u = np.mgrid[:CAMERA.height, :CAMERA.width]
    rays = np.stack([(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy,
                     np.ones(u.shape)], axis=-1) @ pose[:3, :3].T
    # Low and high corner (x, y, z) of the room, seen from inside, and of two pieces in it.
    depth_m = box_depth(rays, (-2.0, -1.0, 0.0), (1.8, 3.9, 2.5), from_inside=True)
    for low, high in (((-1.5, 2.2, 0.0), (-0.4, 3.0, 0.75)), ((0.5, 2.8, 0.0), (1.7, 3.9, 1.9))):
        depth_m = np.minimum(depth_m, box_depth(rays, low, high, from_inside=False))
    random = np.random.default_rng(0)
    depth_m += random.normal(0, 1.4e-3, depth_m.shape) * depth_m ** 2
    holes = cv2.resize(random.random((12, 16)), CAMERA.size[::-1]) < 0.2
    return np.where(holes, 0, depth_m).astype(np.float32), nyu_placement(pose)


def box_depth(rays: np.ndarray, low: Any, high: Any, *, from_inside: bool) -> np.ndarray:
    """Return the distance along the optical axis to a box, inf where a ray misses it."""
    with np.errstate(divide='ignore'):
        to_planes = (np.stack([low, high]) - [0, 0, CAMERA_HEIGHT_M])[:, None, None] / rays
    near, far = to_planes.min(axis=0).max(axis=-1), to_planes.max(axis=0).min(axis=-1)
    return far if from_inside else np.where((near < far) & (near > 0), near, np.inf)


def raw_frame(stem: Path) -> tuple[np.ndarray, BoxPlacement]:
    """Return depth and box of a frame in SSCNet's raw format."""
    stored = cv2.imread(f'{stem}.png', cv2.IMREAD_UNCHANGED)
    depth_m = ((stored >> 3) | (stored << 13)).astype(np.uint16) / np.float32(1000)
    head = np.fromfile(f'{stem}.bin', '<f4', 19).astype(np.float64)
    x, y, z = head[:3]
    grid = VoxelGrid((x, y, z), 0.08, (60, 36, 60), 'xzy')
    return depth_m, BoxPlacement(grid, inverse_rigid(head[3:].reshape(4, 4)))


def ways_of(depth_m: np.ndarray, box: BoxPlacement, device: str) -> Ways:
    """Return what to time, the plain form of each size first."""
    x, y, z = (4 * length for length in box.grid.shape)
    fine = VoxelGrid(box.grid.origin_m, box.grid.voxel_size_m / 4, (x, y, z), 'xzy')
    ways: Ways = {}
    for name, grid, subdivision in (
            ('60x36x60', box.grid, 4), ('240x144x240', fine, 1)):
        def every_cell(
            device: str = 'cpu', grid: VoxelGrid = grid, subdivision: int = subdivision,
        ) -> TsdfVolume:
            volume = tensor_tsdf(
                torch.from_numpy(depth_m).to(device), CAMERA, grid, box.T_camera_voxel,
                subdivision=subdivision, settings=DEFAULT_TSDF)
            if device != 'cpu':
                torch.cuda.synchronize()
            return TsdfVolume(*volume)

        def by_block(grid: VoxelGrid = grid, subdivision: int = subdivision) -> TsdfVolume:
            return compute_tsdf(
                depth_m, CAMERA, grid, box.T_camera_voxel, subdivision=subdivision)

        ways[f'{name}: every cell, torch'] = every_cell
        ways[f'{name}: by block'] = by_block
        if device != 'cpu':
            ways[f'{name}: {device}'] = lambda work=every_cell: work(device)
    return ways


def durations_ms(ways: Ways, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Return wall and CPU time of every way, in alternating blocks as the load changes."""
    durations: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            work()  # warm up
            for _ in range(repeats if 'torch' not in name else 1):
                start, start_cpu = time.perf_counter(), time.process_time()
                work()
                durations[name].append((1000 * (time.perf_counter() - start),
                                        1000 * (time.process_time() - start_cpu)))
    return durations


def check(ways: Ways) -> None:
    """Refuse to time ways that disagree."""
    for name in ('60x36x60', '240x144x240'):
        expected, *others = [
            np.asarray(work().values.cpu() if 'block' not in way else work().values)
            for way, work in ways.items() if way.startswith(name)]
        for values in others:
            differ = np.count_nonzero(np.abs(values - expected) > 1e-6)
            print(f'{name}: {differ} of {values.size} values differ')


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--repeats', type=int, default=10,
                        help=f'runs in each of {ROUNDS} rounds; one for the plain form')
    parser.add_argument('--raw', type=Path, metavar='STEM',
                        help="a frame of SSCNet's raw release, STEM.png and STEM.bin")
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    cv2.setNumThreads(cores)
    depth_m, box = raw_frame(arguments.raw) if arguments.raw else room()
    ways = ways_of(depth_m, box, 'cuda' if torch.cuda.is_available() else 'cpu')
    check(ways)
    results = durations_ms(ways, arguments.repeats)
    print(f'{arguments.raw.name if arguments.raw else "room"}, {cores} core(s); ms, times faster')
    print(f'{"way":34} {"median":>8} {"faster":>8} {"best":>8} {"faster":>8}'
          f' {"best CPU":>8} {"faster":>8}')
    for name, times in results.items():
        plain = results[name.split(':')[0] + ': every cell, torch']
        figures = [(statistics.median, 0), (min, 0), (min, 1)]
        own, other = (
            [of([pair[which] for pair in pairs]) for of, which in figures]
            for pairs in (times, plain))
        print(f'{name:34}', *(f'{value:8.1f} {slow / value:8.1f}'
                              for value, slow in zip(own, other, strict=True)))


if __name__ == '__main__':
    main()
