"""
Time rendering 320x256 pixels with 18 channels from 64x64x128 voxels, ours against the plain form.

    python benchmarks/bench_rendering.py [--repeats 3] [--channels 18] [--only WAY SCENE]

The plain form looks at every sample inside the volume and gathers features, both with
grid_sample, 16384 rays at a time; both find the same surfaces. Scenes: a sphere from outside, a
room from inside, and noise, which is what a network renders before it has learned anything. CPU
time, best of the repeats, leaves out what other processes took. Memory is the highest growth of
the process, each way in a process of its own, volumes and gradients included. Pin the run
(taskset) to choose the cores.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.timing import measured_apart
from ssc_ros.memory import keep_freed_memory
from ssc_ros.models.s4r.rendering import raycast
from ssc_ros.models.s4r.rendering_config import RenderingConfig
from ssc_ros.models.s4r.rendering_rays import Rays, rays_of_image

SHAPE, SIZE = (128, 64, 64), (256, 320)
INTRINSICS = (280.0, 280.0, 159.5, 127.5)
SCENES = ('sphere', 'room', 'noise')


def scene_of(name: str) -> tuple[Tensor, Tensor]:
    """Return a field (Z, Y, X) in voxels and the pose of a camera that looks along z."""
    torch.manual_seed(0)
    z, y, x = torch.meshgrid(*(torch.arange(length * 1.0) for length in SHAPE), indexing='ij')
    pose = torch.diag(torch.tensor([50.0, 50.0, 50.0, 1.0]))
    if name == 'sphere':
        pose[:3, 3] = torch.tensor([32.0, 32.0, -70.0])
        return torch.stack([z - 64, y - 32, x - 32]).norm(dim=0) - 20, pose
    pose[:3, 3] = torch.tensor([31.5, 31.5, 20.0])
    if name == 'noise':
        return torch.randn(SHAPE), pose
    sides = torch.stack([(z - 64).abs() - 28, (y - 31.5).abs(), (x - 31.5).abs()])
    return 28.5 - sides.amax(0), pose


def sampled(volume: Tensor, points: tuple[Tensor, ...]) -> Tensor:
    """Interpolate a volume (C, Z, Y, X) at points of any shape: (C, *shape)."""
    ends = torch.tensor(volume.shape[:0:-1], dtype=volume.dtype) - 1
    where = torch.stack(points, -1) * (2 / ends) - 1
    flat = F.grid_sample(volume[None], where.view(1, 1, 1, -1, 3), align_corners=True)
    return flat.view(len(volume), *points[0].shape)


def march_every_sample(
    sdf: Tensor, valid: Tensor, rays: Rays, config: RenderingConfig,
) -> Tensor:
    """Return the distance of the first surface along each ray, 0 where there is none: (N,)."""
    values = torch.where(valid, sdf, torch.nan)[None]
    found = torch.zeros_like(rays.start)
    crossing_box = torch.where(rays.first < rays.last)[0]
    for block in crossing_box.split(config.rays_per_block) if len(crossing_box) else ():
        own = rays[block]
        samples = own.first[:, None] + torch.arange(int((own.last - own.first).max()) + 1)
        distances = own.start[:, None] + samples * own.step
        along = sampled(values, own.at(distances))[0].masked_fill(
            samples > own.last[:, None], torch.nan)
        crosses = along[:, :-1] * along[:, 1:] < 0
        if config.front_only:
            crosses &= along[:, 1:] < 0
        while crosses.any():
            ray = torch.where(crosses.any(1))[0]
            ending = crosses[ray].float().argmax(1)
            crosses[ray, ending] = False
            refined = _refined(
                values, own[ray], distances[ray, ending], along[ray, ending],
                distances[ray, ending + 1], along[ray, ending + 1], config.refinements)
            good = torch.where(refined.isfinite())[0]
            found[block[ray[good]]] = refined[good]
            crosses[ray[good]] = False
    return found


def _refined(
    values: Tensor, rays: Rays, near: Tensor, near_value: Tensor, far: Tensor, far_value: Tensor,
    refinements: int,
) -> Tensor:
    for _ in range(refinements):
        middle = near + near_value / (near_value - far_value) * (far - near)
        value = sampled(values, rays.at(middle))[0]
        is_near = value * near_value > 0
        near, near_value = torch.where(is_near, middle, near), torch.where(
            is_near, value, near_value)
        far, far_value = torch.where(is_near, far, middle), torch.where(
            is_near, far_value, value)
    return torch.where(value.isnan(), value, middle)


def render_plainly(
    sdf: Tensor, features: Tensor, pose: Tensor, config: RenderingConfig,
) -> tuple[Tensor, Tensor]:
    """Return depths and features with the gradients of :func:`raycast`."""
    with torch.no_grad():
        rays = rays_of_image(
            pose, torch.tensor(INTRINSICS), size=SIZE, shape=SHAPE, config=config)
        distances = march_every_sample(sdf, torch.ones_like(sdf, dtype=torch.bool), rays, config)
    pixels = torch.where(distances > 0)[0]
    own, hits = rays[pixels], distances[pixels]
    at_hits = sampled(sdf[None], own.at(hits))[0]
    with torch.no_grad():
        slope = (sampled(sdf[None], own.at(hits + 0.01))[0] - at_hits) / 0.01
    depths = (hits - (at_hits - at_hits.detach()) / slope) / own.voxels_per_metre
    image = features.new_zeros(len(features), len(rays))
    return (torch.zeros_like(distances).index_copy(0, pixels, depths),
            image.index_copy(1, pixels, sampled(features, own.at(hits))))


def measure(way: str, scene: str, arguments: argparse.Namespace) -> tuple[float, float, float]:
    """Return CPU seconds forward and backward, and how many MB the process grew."""
    keep_freed_memory()
    config = RenderingConfig()
    sdf, pose = scene_of(scene)
    features = torch.rand(arguments.channels, *SHAPE)
    valid = torch.ones(1, *SHAPE, dtype=torch.bool)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    forward, backward = [], []
    for _ in range(arguments.repeats):
        leaves = sdf.clone().requires_grad_(), features.clone().requires_grad_()
        start = time.process_time()
        if way == 'plain':
            depth, image = render_plainly(*leaves, pose, config)
        else:
            rendering = raycast(
                leaves[0][None], valid, leaves[1][None], T_grid_camera=pose[None],
                intrinsics=torch.tensor([INTRINSICS]), size=SIZE, config=config)
            depth, image = rendering.depth_m, rendering.features
        middle = time.process_time()
        (depth.sum() + image.square().sum()).backward()
        forward.append(middle - start)
        backward.append(time.process_time() - middle)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return min(forward), min(backward), grown / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--channels', type=int, default=18)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--only', nargs=2, metavar=('WAY', 'SCENE'), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    if arguments.only:
        print(*measure(*arguments.only, arguments))
        return
    print(f'{arguments.channels} channels, {cores} core(s); CPU ms, MB, and plain / ours')
    for scene in SCENES:
        plain, ours = (
            measured_apart(__file__, way, scene, arguments, ('channels', 'repeats'))
            for way in ('plain', 'ours'))
        for way, (forward, backward, grown) in (('plain', plain), ('ours', ours)):
            print(f'{scene:7} {way:6} forward {1000 * forward:6.0f}  '
                  f'backward {1000 * backward:6.0f}  memory {grown:6.0f}', flush=True)
        print(f'{scene:7} ratio: forward {plain[0] / ours[0]:.1f}, backward '
              f'{plain[1] / ours[1]:.1f}, memory {plain[2] / ours[2]:.1f}', flush=True)


if __name__ == '__main__':
    main()
