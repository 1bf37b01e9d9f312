"""
The full AMMNet: rearranged bfloat16 against plain single precision, in one run.

Inference is timed on one frame; with --training also one step of the network on one frame, forward
and backward, in mixed precision with channels last, as experiments run it, against plain
single precision. The adversary is left out: it is the same in both.

The arithmetic rate counts the 520 GFLOP of the published network, whatever was saved of them; a
64-channel 3x3x3 convolution at 60x36x60 says what this machine can reach. Latency is the shortest
of several rounds, in which all contestants take turns. CPU seconds are those of all threads: on a
shared machine they are the steadier figure.

Run: python benchmarks/bench_ammnet.py --preset ammnet --threads 2
"""

from __future__ import annotations

import argparse
import copy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.timing import Timing, figures_of, report, take_turns
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.geometry.tsdf import compute_tsdf
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.inference import optimized
from ssc_ros.models.ammnet.inputs import AmmnetInputs
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.presets import PRESETS, load_preset
from training.systems.layout import use_channels_last

NETWORK_GFLOP = {'ammnet': 520.2}
CONVOLUTION_GFLOP = 2e-9 * 60 * 36 * 60 * 27 * 64 * 64
CAMERA_HEIGHT_M, WALL_M = 1.4, 3.4
NYU_CAMERA = PinholeCamera(518.8579, 519.4696, 325.58, 253.74, 480, 640)


def frame(config: AmmnetConfig) -> AmmnetInputs:
    """Return an image of noise, and the depth of a floor and a wall."""
    rows = np.arange(480, dtype=np.float32)[:, None] - NYU_CAMERA.cy
    below = np.where(rows > 0, CAMERA_HEIGHT_M * NYU_CAMERA.fy / np.maximum(rows, 1e-3), np.inf)
    depth_m = np.minimum(np.broadcast_to(below, (480, 640)), WALL_M).astype(np.float32)
    place = nyu_placement(level_camera_pose(height_m=CAMERA_HEIGHT_M))
    volume = compute_tsdf(depth_m, NYU_CAMERA, place.grid, place.T_camera_voxel)
    reads_labels = config.reads_label_maps
    return AmmnetInputs(
        None if reads_labels else torch.randn(1, 3, 480, 640),
        torch.randint(0, 14, (1, 480, 640), dtype=torch.uint8) if reads_labels else None,
        torch.as_tensor(volume.values).float()[None, None],
        torch.as_tensor(volume.pixel_of_voxel).long()[None])


def varied(network: AmmnetNetwork) -> AmmnetNetwork:
    """Draw weights that keep the variance of features, so that many labels occur."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose3d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity='linear')
        elif isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.normal_(module.bias, std=0.2)
    return network.eval()


def convolution(device: torch.device, dtype: torch.dtype):
    """Return a run of the reference convolution."""
    volume, weight = (
        torch.randn(*shape, device=device).to(dtype, memory_format=torch.channels_last_3d)
        for shape in ((1, 64, 60, 36, 60), (64, 64, 3, 3, 3)))
    return lambda: F.conv3d(volume, weight, padding=1)


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Return all figures by name."""
    device = torch.device(arguments.device)
    torch.manual_seed(0)
    config = load_preset(arguments.preset)
    dtype = torch.float16 if device.type == 'cuda' else torch.bfloat16
    network = varied(AmmnetNetwork(config)).to(device)
    inputs = AmmnetInputs(*(part if part is None else part.to(device) for part in frame(config)))
    fast = optimized(network, dtype)
    times = take_turns({
        'plain': lambda: network(inputs), 'fast': lambda: fast(inputs),
        'convolution': convolution(device, dtype)}, arguments.rounds, device)
    expected, found = (net(inputs).ssc_logits.argmax(1) for net in (network, fast))
    figures = figures_of(times)
    figures['speedup_wall'] = times['plain'].wall_s / times['fast'].wall_s
    figures['speedup_cpu'] = times['plain'].cpu_s / times['fast'].cpu_s
    figures['agreement'] = (expected == found).float().mean().item()
    figures['classes'] = len(expected.unique())
    figures.update(rates(times, NETWORK_GFLOP.get(arguments.preset)))
    return figures


def measure_training(arguments: argparse.Namespace) -> dict[str, float]:
    """Return the times of training steps, and frames per second."""
    device = torch.device(arguments.device)
    config = load_preset(arguments.preset)
    network = AmmnetNetwork(config).to(device).train()
    mixed = copy.deepcopy(network)
    use_channels_last(mixed)
    inputs = AmmnetInputs(*(part if part is None else part.to(device) for part in frame(config)))
    labels = torch.randint(0, config.num_classes, (1, *config.grid_shape), device=device)

    def step(trained: AmmnetNetwork, *, is_mixed: bool) -> None:
        trained.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_mixed):
            scores = trained(inputs).ssc_logits
        F.cross_entropy(scores.float(), labels).backward()

    times = take_turns({
        'training_plain': lambda: step(network, is_mixed=False),
        'training_mixed': lambda: step(mixed, is_mixed=True)}, arguments.rounds, device)
    figures = figures_of(times)
    figures |= {f'{name}_frames_per_s': 1 / timing.wall_s for name, timing in times.items()}
    for clock in Timing._fields:
        figures[f'training_speedup_{clock}'] = (
            getattr(times['training_plain'], clock) / getattr(times['training_mixed'], clock))
    return figures


def rates(times: dict[str, Timing], network_gflop: float | None) -> dict[str, float]:
    """Return arithmetic rates, per second and per CPU second, and the network's share."""
    figures = {}
    for clock in Timing._fields:
        reference = CONVOLUTION_GFLOP / getattr(times['convolution'], clock)
        figures[f'convolution_gflop_per_{clock}'] = reference
        if network_gflop is not None:
            rate = network_gflop / getattr(times['fast'], clock)
            figures[f'network_gflop_per_{clock}'] = rate
            figures[f'share_of_convolution_{clock}'] = rate / reference
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--preset', default='ammnet', choices=list(PRESETS))
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--training', action='store_true', help='time training steps, too')
    parser.add_argument('--json', type=Path, help='also write the figures there')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with torch.inference_mode():
        figures = measure(arguments)
    if arguments.training:
        figures |= measure_training(arguments)
    figures['threads'] = arguments.threads
    report(figures, arguments.json)


if __name__ == '__main__':
    main()
