"""
Time the fusion of one 60x36x60 estimate into a 10x10x4 m map of 0.08 m cells.

    python benchmarks/bench_temporal.py [--repeats 5] [--frames 5]

``every cell`` is the plain form in torch: all cells of the map are projected into the box, fade
and vote at every frame. ``every voxel`` is a loop over the voxels of the box in Python, timed on
every hundredth of them and scaled. Both forms give what the map gives. Machines differ: read the
ratios, they come from one run. CPU time is that of all threads.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from ssc_ros.frames import SceneEstimate
from ssc_ros.fusion.temporal_map import FORGOTTEN_LOG_ODDS, TemporalMap
from ssc_ros.fusion.temporal_settings import TemporalSettings
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose, make_rigid
from ssc_ros.labels import load_label_space

SPACE = load_label_space('nyu12')
SETTINGS = TemporalSettings(radius_m=5.0)
VOXEL_SIZE_M = 0.08
PERIOD_NS = 100_000_000
LOOP_SHARE = 100
Frame = tuple[SceneEstimate, np.ndarray]


def make_frames(count: int) -> list[Frame]:
    """Return estimates of a room from a camera that walks and turns."""
    random = np.random.default_rng(0)
    frames = []
    for index in range(count):
        turn = 0.3 + 0.05 * index
        yaw = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
        pose = make_rigid(yaw, [0.05 * index, 0.02, 0]) @ level_camera_pose(
            height_m=1.4, pitch_rad=0.2)
        box = nyu_placement(pose)
        shape = box.grid.shape
        labels = np.zeros(shape, np.uint8)
        labels[:, :2] = SPACE.names.index('floor')
        labels[:3] = labels[-3:] = labels[:, :, -3:] = SPACE.names.index('wall')
        labels[15:30, 2:12, 20:40] = SPACE.names.index('furn')
        is_noise = random.random(shape) < 0.02
        labels[is_noise] = random.integers(0, len(SPACE), np.count_nonzero(is_noise))
        estimate = SceneEstimate(
            labels=labels, confidence=random.uniform(0.3, 1, shape).astype(np.float32),
            observed=random.random(shape) < 0.4, grid=box.grid,
            T_camera_voxel=box.T_camera_voxel, label_space=SPACE,
            camera=PinholeCamera(500.0, 500.0, 319.5, 239.5, 480, 640),
            stamp_ns=index * PERIOD_NS)
        frames.append((estimate, pose @ box.T_camera_voxel))
    return frames


class EveryCell:
    """The rules of the map, applied to every cell of a window that stands still."""

    def __init__(self, origin_cell: np.ndarray, shape: tuple[int, int, int]) -> None:
        grids = torch.meshgrid(*(
            torch.arange(length, dtype=torch.float64) for length in shape), indexing='ij')
        self._centers = (torch.stack(grids, -1).reshape(-1, 3)
                         + torch.from_numpy(origin_cell) + 0.5) * VOXEL_SIZE_M
        count = len(self._centers)
        self.log_odds = torch.zeros(count)
        self.counts = torch.zeros(count, len(SPACE))
        self.is_observed = torch.zeros(count, dtype=torch.bool)
        self._stamp_ms = torch.zeros(count, dtype=torch.int64)
        self._rates = torch.from_numpy(
            (1e-3 / (SETTINGS.half_life_s * SPACE.persistence_table)).astype(np.float32))

    def integrate(self, estimate: SceneEstimate, T_world_voxel: np.ndarray) -> None:
        """Let an estimate vote."""
        grid = estimate.grid
        matrix = torch.from_numpy(np.linalg.inv(T_world_voxel))
        points = self._centers @ matrix[:3, :3].T + matrix[:3, 3]
        position = ((points - torch.tensor(grid.origin_m)) / grid.voxel_size_m).floor().long()
        position = position[:, list(grid.axes)]
        is_inside = ((position >= 0) & (position < torch.tensor(grid.shape))).all(1)
        position = position.clamp(min=0).minimum(torch.tensor(grid.shape) - 1)
        label, confidence, observed = (
            torch.from_numpy(values)[tuple(position.T)]
            for values in (estimate.labels, estimate.confidence, estimate.observed))
        label = label.long()
        now_ms = estimate.stamp_ns // 1_000_000
        rate = torch.where(self.log_odds > 0, self._rates[self.counts.argmax(1)], self._rates[0])
        remaining = torch.exp2(-rate * (now_ms - self._stamp_ms))
        before = self.log_odds * remaining
        is_measured = self.is_observed & (before.abs() > FORGOTTEN_LOG_ODDS)
        votes = is_inside & (label < len(SPACE)) & (confidence > 0) & (observed | ~is_measured)
        before = torch.where(observed & ~is_measured, 0.0, before)
        weight = confidence * torch.where(
            observed, SETTINGS.observed_weight, SETTINGS.completed_weight)
        occupied = label != 0
        after = (before + torch.where(occupied, weight, -weight)).clamp(
            -SETTINGS.max_log_odds, SETTINGS.max_log_odds)
        counts = self.counts * torch.where(before > 0, remaining, 0.0)[:, None]
        counts += torch.nn.functional.one_hot(
            label.clamp(max=len(SPACE) - 1), len(SPACE)) * weight[:, None]
        self.counts = torch.where((votes & occupied)[:, None], counts, self.counts)
        self.log_odds = torch.where(votes, after, self.log_odds)
        self.is_observed = torch.where(votes, observed, self.is_observed)
        self._stamp_ms = torch.where(votes, now_ms, self._stamp_ms)


def every_voxel(frame: Frame, first_cell: np.ndarray) -> float:
    """Return the seconds of a loop over all voxels of the box, from a hundredth of them."""
    estimate, T_world_voxel = frame
    known: dict[tuple[int, ...], tuple[float, dict[int, float], bool]] = {}
    grid = estimate.grid
    started = time.perf_counter()
    for flat in range(0, grid.num_voxels, LOOP_SHARE):
        index = np.unravel_index(flat, grid.shape)
        point = T_world_voxel @ [*grid.index_to_point([index])[0], 1.0]
        cell = tuple((np.floor(point[:3] / VOXEL_SIZE_M) - first_cell).astype(int).tolist())
        log_odds, counts, is_observed = known.get(cell, (0.0, {}, False))
        observed = bool(estimate.observed[index])
        if is_observed and not observed:
            continue
        weight = float(estimate.confidence[index]) * (
            SETTINGS.observed_weight if observed else SETTINGS.completed_weight)
        label = int(estimate.labels[index])
        if label:
            counts[label] = counts.get(label, 0.0) + weight
        known[cell] = log_odds + (weight if label else -weight), counts, observed
    return (time.perf_counter() - started) * LOOP_SHARE


def check(frames: list[Frame]) -> None:
    """Refuse to time forms that disagree."""
    fused = TemporalMap(SPACE, VOXEL_SIZE_M, SETTINGS)
    first_cell = fused.window.first_cell.copy()
    plain = EveryCell(first_cell, fused.window.shape)
    for estimate, T_world_voxel in frames:
        fused.integrate(estimate, T_world_voxel)
        plain.integrate(estimate, T_world_voxel)
    if (fused.window.first_cell != first_cell).any():
        raise SystemExit('the window moved: compare on a shorter walk')
    order = fused.window.flat_index(first_cell + np.indices(
        fused.window.shape).reshape(3, -1).T)
    difference = np.abs(fused.evidence.log_odds[order] - plain.log_odds.numpy())
    # Cells whose centre lies within rounding of a face of a voxel may fall on either side.
    print(f'{np.count_nonzero(difference > 1e-4)} of {difference.size} cells differ')


def measure(ways: dict[str, Callable[[], Any]], repeats: int) -> dict[str, tuple[float, ...]]:
    """Return median wall, best wall and best CPU milliseconds of every way."""
    durations: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, work in ways.items():
            start, start_cpu = time.perf_counter(), time.process_time()
            work()
            durations[name].append((1000 * (time.perf_counter() - start),
                                    1000 * (time.process_time() - start_cpu)))
    return {name: (statistics.median(wall for wall, _ in pairs), min(wall for wall, _ in pairs),
                   min(cpu for _, cpu in pairs)) for name, pairs in durations.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--frames', type=int, default=5, help='fused before the timing begins')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    frames = make_frames(arguments.frames + 1)
    check(frames)
    fused = TemporalMap(SPACE, VOXEL_SIZE_M, SETTINGS)
    plain = EveryCell(fused.window.first_cell.copy(), fused.window.shape)
    for frame in frames[:-1]:
        fused.integrate(*frame)
        plain.integrate(*frame)
    results = measure({
        'every cell, torch': lambda: plain.integrate(*frames[-1]),
        'fuse one frame': lambda: fused.integrate(*frames[-1]),
        'read the occupied voxels': fused.voxels,
    }, arguments.repeats)
    loop_ms = 1000 * every_voxel(frames[-1], fused.window.first_cell)
    print(f'window {fused.window.shape}, {fused.num_bytes / 1e6:.0f} MB; '
          f'{len(fused.voxels().labels)} occupied voxels; ms')
    print(f'{"way":26} {"median":>9} {"best":>9} {"best CPU":>9} {"faster":>8}')
    print(f'{"every voxel, Python loop":26} {loop_ms:9.0f} {"":9} {"":9}'
          f' {results["every cell, torch"][1] / loop_ms:8.2f}')
    for name, values in results.items():
        ratio = results['every cell, torch'][2] / values[2]
        print(f'{name:26}', *(f'{value:9.1f}' for value in values), f'{ratio:8.1f}')


if __name__ == '__main__':
    main()
