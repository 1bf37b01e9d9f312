"""
Time the fusion of one 320x240 frame into 256x256x128 voxels: piece by piece against all voxels.

    python benchmarks/bench_fusion.py [--repeats 10] [--threads 2]

Both give the same volume. ``all voxels`` is the plain form in torch: every voxel is projected and
compared. On a machine with a GPU the fusion there is timed as well. Machines differ: read the
ratios, they come from one run. CPU time is that of all threads, and leaves out what other
processes took. Pin the run (taskset) to choose the cores.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from ssc_ros.fusion.chunks import chunk_starts
from ssc_ros.fusion.mesh import fused_mesh
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.preparation import PreparedFrame, prepare_frame
from ssc_ros.fusion.tsdf_fusion import DEFAULT_FUSION, TsdfFusion
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import inverse_rigid, level_camera_pose

SENSOR = PinholeCamera(560.0, 560.0, 319.5, 239.5, 480, 640)
# Walls at -x, +x, -y, +y, the floor and the ceiling, seen from inside.
ROOM_LOW, ROOM_HIGH = np.array([-2.4, -2.4, 0.0]), np.array([2.4, 2.4, 2.5])
GRID = VolumeGrid((128, 256, 256), 0.02, np.array(
    [[50.0, 0, 0, 128], [0, 50, 0, 128], [0, 0, 50, 3], [0, 0, 0, 1]]))
ROUNDS = 3


def frame_at(y_m: float) -> PosedFrame:
    """Return a noisy view of the room from a place on its middle line, towards +y."""
    pose = level_camera_pose(height_m=1.3, pitch_rad=0.2)
    pose[:2, 3] = 0.0137, y_m  # no voxel's centre lies between two pixels
    v, u = np.mgrid[:SENSOR.height, :SENSOR.width]
    rays = np.stack([(u - SENSOR.cx) / SENSOR.fx, (v - SENSOR.cy) / SENSOR.fy,
                     np.ones(u.shape)], axis=-1) @ pose[:3, :3].T
    with np.errstate(divide='ignore'):
        depth = ((np.stack([ROOM_LOW, ROOM_HIGH]) - pose[:3, 3])[:, None, None] / rays
                 ).max(axis=0).min(axis=-1)
    random = np.random.default_rng(0)
    depth += random.normal(0, 1.4e-3, depth.shape) * depth ** 2
    rgb = random.integers(0, 256, (*SENSOR.size, 3), np.uint8)
    return PosedFrame('0', depth.astype(np.float32), rgb, SENSOR, SENSOR, pose)


class AllVoxels:
    """The plain form: every voxel, one step after the other."""

    def __init__(self) -> None:
        self.tsdf = torch.zeros(GRID.shape)
        self.weight = torch.zeros(GRID.shape)
        self.rgb = torch.zeros((*GRID.shape, 3))

    @torch.inference_mode()
    def integrate(self, frame: PreparedFrame) -> None:
        """Fuse one frame."""
        T_camera_grid = torch.from_numpy(
            inverse_rigid(frame.T_world_camera) @ GRID.T_world_grid).float()
        z, y, x = torch.meshgrid(*(torch.arange(n).float() for n in GRID.shape), indexing='ij')
        points = torch.stack([x, y, z], dim=-1) @ T_camera_grid[:3, :3].T + T_camera_grid[:3, 3]
        camera, far = frame.camera, points[..., 2]
        u = (camera.fx * points[..., 0] / far + camera.cx).round().long()
        v = (camera.fy * points[..., 1] / far + camera.cy).round().long()
        is_seen = (far > 0) & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
        pixel = torch.where(is_seen, v * camera.width + u, 0)
        depth = torch.from_numpy(frame.depth_m).reshape(-1)[pixel]
        truncation = 0.06 + 0.02 * depth
        distance = depth - far
        changed = is_seen & (depth >= 0.4) & (depth <= 4) & (distance > -truncation)
        sample = (4.5 * (1 - (depth - 0.4) / 3.6)).clamp(min=1) * changed
        share = sample / (self.weight + sample).clamp(min=1)
        self.tsdf += (torch.minimum(distance, truncation) - self.tsdf) * share
        latest = torch.from_numpy(frame.rgb).reshape(-1, 3)[pixel].float()
        blended = torch.where((self.weight > 0)[..., None],
                              (0.5 + 0.5 * self.rgb + 0.5 * latest).floor(), latest)
        self.rgb = torch.where(changed[..., None], blended, self.rgb)
        self.weight = (self.weight + sample.floor()).clamp(max=255)


def on_gpu(fusion: TsdfFusion, frame: PreparedFrame) -> None:
    """Fuse on a GPU and wait for it."""
    fusion.integrate(frame)
    torch.cuda.synchronize()


def check(frames: list[PreparedFrame]) -> None:
    """Refuse to time ways that disagree."""
    plain, fusion = AllVoxels(), TsdfFusion(GRID)
    for frame in frames:
        plain.integrate(frame)
        fusion.integrate(frame)
    volume = fusion.volume()
    observed = volume.weight > 0
    differs = volume.weight != plain.weight.numpy()
    differs[observed] |= np.abs(volume.tsdf_m - plain.tsdf.numpy())[observed] > 1e-5
    differs |= (volume.rgb != plain.rgb.numpy()).any(axis=-1)
    print(f'{observed.sum()} voxels observed, {differs.sum()} differ (pixels at a rounding limit)')
    if differs.sum() > 1e-3 * observed.sum():
        raise SystemExit('the two ways disagree')


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--repeats', type=int, default=10, help=f'runs in each of {ROUNDS} rounds')
    parser.add_argument('--threads', type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    raw = frame_at(-0.8)
    frames = [prepare_frame(frame, DEFAULT_FUSION) for frame in (raw, frame_at(0.0))]
    check(frames)
    plain, fusion = AllVoxels(), TsdfFusion(GRID)
    fusion.integrate(frames[0])
    volume = fusion.volume()
    ways: dict[str, Callable[[], object]] = {
        'all voxels': lambda: plain.integrate(frames[0]),
        'piece by piece': lambda: fusion.integrate(frames[0]),
        'preparing the frame': lambda: prepare_frame(raw, DEFAULT_FUSION),
        'mesh of the volume': lambda: fused_mesh(volume),
        'one chunk for the network': lambda: volume.cropped(
            next(chunk_starts(GRID.shape)), (128, 64, 64)).network_input()}
    if torch.cuda.is_available():
        on_device = TsdfFusion(GRID, 'cuda')
        ways['GPU'] = lambda: on_gpu(on_device, frames[0])
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            work()  # warm up
            for _ in range(1 if name == 'all voxels' else arguments.repeats):
                start, start_cpu = time.perf_counter(), time.process_time()
                work()
                times[name].append((1000 * (time.perf_counter() - start),
                                    1000 * (time.process_time() - start_cpu)))
    print(f'{arguments.threads} thread(s); ms\n{"":28}{"median":>9}{"best":>9}{"best CPU":>9}')
    for name, pairs in times.items():
        walls, cpus = zip(*pairs, strict=True)
        print(f'{name:28}{statistics.median(walls):9.1f}{min(walls):9.1f}{min(cpus):9.1f}')


if __name__ == '__main__':
    main()
