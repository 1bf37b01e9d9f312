"""
Time a deformable 3x3x3 convolution of 60x36x60 voxels against sampling all taps at once.

    python benchmarks/bench_deformable.py [--channels 12] [--out 32] [--dilation 1] [--repeats 3]

Both compute the same values and gradients of the parameters. ``all taps`` is the plain form in
torch: one grid_sample of 27 volumes, then one product. Ours runs on all voxels of dense features,
on all voxels of labels (one class per voxel on surfaces, nothing elsewhere), and on a mask of 8 %
of the voxels. CPU time, best of the repeats, leaves out what other processes took. Memory is the
highest growth of the process, each way in a process of its own. Pin the run (taskset) to choose
the cores.
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
from ssc_ros.models.imenet.deformable import DeformConv3d

SHAPE = (60, 36, 60)
MASKED_SHARE = 0.08
INPUTS = ('dense', 'labels', 'masked')
OPTIONS = {'channels': 12, 'out': 32, 'dilation': 1, 'repeats': 3}


def inputs_of(kind: str, channels: int) -> tuple[Tensor, Tensor | None]:
    """Return features and mask: noise, or labels of two walls and a floor."""
    torch.manual_seed(0)
    if kind == 'dense':
        return torch.randn(1, channels, *SHAPE), None
    labels = torch.zeros(SHAPE, dtype=torch.long)
    labels[2:58, 1, 2:50], labels[2:58, 1:30, 50], labels[4, 1:30, 2:50] = 1, 2, 3
    features = F.one_hot(labels, max(channels, 4)).movedim(-1, 0)[None, 1:].float()
    features = F.pad(features, (0,) * 7 + (channels - features.shape[1],))[:, :channels]
    mask = torch.rand(1, *SHAPE) < MASKED_SHARE if kind == 'masked' else None
    return features, mask


def all_taps(layer: DeformConv3d, features: Tensor, mask: Tensor | None) -> Tensor:
    """Sample all taps at once."""
    assert layer.offset is not None
    offsets = layer.offset(features)[0].view(27, 3, *SHAPE)
    cells = torch.stack(torch.meshgrid(*map(torch.arange, SHAPE), indexing='ij'))
    taps = torch.cartesian_prod(*[torch.tensor([-1.0, 0.0, 1.0])] * 3) * layer.dilation
    positions = offsets + cells + taps.view(27, 3, 1, 1, 1)
    lengths = torch.tensor(SHAPE).view(3, 1, 1, 1)
    where = (2 * positions / (lengths - 1) - 1).flip(1).movedim(1, -1).flatten(0, 1)
    samples = F.grid_sample(features, where[None], align_corners=True)[0]
    samples = samples.unflatten(1, (27, SHAPE[0]))
    output = torch.einsum('ckxyz,ock->oxyz', samples, layer.weight.flatten(2))[None]
    return output if mask is None else output * mask[:, None]


def measure(way: str, kind: str, arguments: argparse.Namespace) -> tuple[float, float, float]:
    """Return CPU seconds forward and backward, and how many MB the process grew."""
    keep_freed_memory()
    features, mask = inputs_of(kind, arguments.channels)
    layer = DeformConv3d(arguments.channels, arguments.out, dilation=arguments.dilation)
    assert layer.offset is not None
    for parameter in layer.offset.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    layer(features[..., :8, :8, :8]).square().sum().backward()  # torch loads what it needs
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    forward, backward = [], []
    for _ in range(arguments.repeats):
        layer.zero_grad()
        start = time.process_time()
        output = all_taps(layer, features, mask) if way == 'all taps' else layer(features, mask)
        middle = time.process_time()
        output.square().sum().backward()
        forward.append(middle - start)
        backward.append(time.process_time() - middle)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return min(forward), min(backward), grown / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    for name, default in OPTIONS.items():
        parser.add_argument(f'--{name}', type=int, default=default)
    parser.add_argument('--only', nargs=2, metavar=('WAY', 'INPUT'), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    torch.set_num_threads(cores)
    if arguments.only:
        print(*measure(*arguments.only, arguments))
        return
    print(f'{arguments.channels} to {arguments.out} channels, dilation {arguments.dilation}, '
          f'{cores} core(s); CPU seconds, MB, and all taps / ours')
    for kind in INPUTS:
        plain, ours = (measured_apart(__file__, way, kind, arguments, tuple(OPTIONS))
                       for way in ('all taps', 'ours'))
        for way, (forward, backward, grown) in (('all taps', plain), ('ours', ours)):
            print(f'{kind:8} {way:10} forward {forward:6.2f}  backward {backward:6.2f}  '
                  f'memory {grown:7.0f}', flush=True)
        print(f'{kind:8} ratio: time {sum(plain[:2]) / sum(ours[:2]):.1f}, '
              f'memory {plain[2] / ours[2]:.1f}', flush=True)


if __name__ == '__main__':
    main()
