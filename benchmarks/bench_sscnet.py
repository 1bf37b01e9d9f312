"""
SSCNet on its full input of 240x144x240 cells: rearranged bfloat16 against plain single precision.

Latency is the shortest of several rounds, in which both take turns. CPU seconds are those of all
threads: on a shared machine they are the steadier figure. Agreement is the share of equal labels,
of all voxels and of those that are no visible free space, whose labels are used.

Run: python benchmarks/bench_sscnet.py --threads 2
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.timing import figures_of, report, take_turns
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.geometry.tsdf import SSCNET_TSDF, compute_tsdf
from ssc_ros.geometry.tsdf_array import subdivided
from ssc_ros.models.imenet.inference import fast_sscnet
from ssc_ros.models.imenet.sscnet import SSCNet
from ssc_ros.models.precision import resolve_precision
from ssc_ros.models.rgbd_frames import nonfree_voxels

SUBDIVISION = 4
CAMERA_HEIGHT_M, FAR_M = 1.4, 3.4
NYU_CAMERA = PinholeCamera(518.8579, 518.8579, 320.0, 240.0, 480, 640)
# Left, right, upper and lower border of an image and the depth of what is seen there.
FURNITURE = ((60, 260, 250, 480, 2.1), (330, 560, 200, 380, 2.8), (580, 640, 0, 480, 1.6))


class Scene(NamedTuple):
    """A flipped TSDF (1, 1, 240, 144, 240), and which voxels (1, 60, 36, 60) are not free."""

    tsdf: Tensor
    nonfree: Tensor


def scene() -> Scene:
    """Return what a camera sees of a floor, a wall and a few boxes."""
    rows = np.arange(480, dtype=np.float32)[:, None] - NYU_CAMERA.cy
    below = np.where(rows > 0, CAMERA_HEIGHT_M * NYU_CAMERA.fy / np.maximum(rows, 1e-3), np.inf)
    depth_m = np.minimum(np.broadcast_to(below, (480, 640)), FAR_M).astype(np.float32)
    for left, right, upper, lower, near_m in FURNITURE:
        depth_m[upper:lower, left:right] = np.minimum(depth_m[upper:lower, left:right], near_m)
    place = nyu_placement(level_camera_pose(height_m=CAMERA_HEIGHT_M))
    volume = compute_tsdf(
        depth_m, NYU_CAMERA, subdivided(place.grid, SUBDIVISION), place.T_camera_voxel,
        subdivision=1, settings=SSCNET_TSDF)
    nonfree = nonfree_voxels(
        volume.values, volume.pixel_of_voxel, subdivision=SUBDIVISION, no_pixel=depth_m.size)
    return Scene(torch.as_tensor(volume.values)[None, None], torch.as_tensor(nonfree)[None])


def varied(network: SSCNet) -> SSCNet:
    """Draw weights that keep the variance of features, so that many labels occur."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, nonlinearity='relu')
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.2)
    return network.eval()


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Return all figures by name."""
    torch.manual_seed(0)
    dtype = resolve_precision(arguments.precision, torch.device('cpu'))
    plain = varied(SSCNet())
    fast = fast_sscnet(plain, dtype)
    room = scene()
    times = take_turns(
        {'plain': lambda: plain(room.tsdf), 'fast': lambda: fast(room.tsdf)}, arguments.rounds)
    expected, found = (network(room.tsdf).argmax(1) for network in (plain, fast))
    figures = figures_of(times)
    figures['speedup_wall'] = times['plain'].wall_s / times['fast'].wall_s
    figures['speedup_cpu'] = times['plain'].cpu_s / times['fast'].cpu_s
    agreement = (expected == found).float()
    figures['agreement'] = agreement.mean().item()
    figures['agreement_nonfree'] = agreement[room.nonfree].mean().item()
    figures['classes'] = len(expected[room.nonfree].unique())
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--json', type=Path, help='also write the figures there')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with torch.inference_mode():
        figures = measure(arguments)
    figures['threads'] = arguments.threads
    report(figures, arguments.json)


if __name__ == '__main__':
    main()
