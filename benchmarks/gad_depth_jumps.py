"""
Train the rows of GAD's ablation where nothing but jumps of depth decides the class.

    python benchmarks/gad_depth_jumps.py [--rows semantic depth featprop gap gad] [--seeds 0 1]

Synthetic images of a flat wall with six plates in sixteen random colours. A colour stands for a
depth, without any order; what lies before the wall is one class, what lies behind it another.
All 206 images have depth, six of them labels. The networks are those of the ablation (Jiao et al.,
Geometry-Aware Distillation, CVPR 2019, Table 4) at an eighth of their width; all else is equal.
Ends with status 1 where the order of their mIoU, means over the seeds, is not that of the paper.
"""

from __future__ import annotations

import argparse
import operator
import sys
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor
from tqdm import trange

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.inputs import predict
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.gad.presets import load_preset
from training.losses import GadLossConfig, gad_losses

ROWS = ('semantic', 'depth', 'featprop', 'gap', 'gad')
ORDER = (operator.lt, operator.le, operator.lt, operator.le)
SIZE, CELL = (64, 96), 32
WALL, FARTHER, NEARER = 1, 2, 3
WALL_DEPTH_M, COLOURS = 3.0, 16
TRAINING_SCENES, LABELLED_SCENES, TEST_SCENES = 200, 6, 48
BATCH_OF_EACH = 2
LEARNING_RATE, PEAK_LEARNING_RATE, MAX_GRADIENT = 3e-3, 8e-3, 1.0


class Scenes(NamedTuple):
    """Images (N, 3, h, w), labels (N, h, w) and depth in metres (N, h, w)."""

    images: Tensor
    labels: Tensor
    depth_m: Tensor

    def chosen(self, index: Tensor) -> Scenes:
        """Return some of them."""
        return Scenes(*(part[index] for part in self))


class Plates:
    """Scenes of plates whose colours stand for depths."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(5)
        self._palette = torch.rand(COLOURS, 3, generator=generator) * 3 - 1.5
        self._is_nearer = torch.arange(COLOURS) % 2 == 0
        near_m, far_m = (
            low + 0.8 * torch.rand(COLOURS, generator=generator) for low in (1.2, 4.0))
        self._depths_m = torch.where(self._is_nearer, near_m, far_m)

    def scenes(self, count: int, seed: int) -> Scenes:
        """Return random scenes."""
        generator = torch.Generator().manual_seed(seed)

        def below(limit: int) -> int:
            return int(torch.randint(0, limit, (1,), generator=generator))

        scenes = Scenes(
            torch.zeros(count, 3, *SIZE), torch.full((count, *SIZE), WALL),
            torch.full((count, *SIZE), WALL_DEPTH_M))
        for images, labels, depth_m in zip(*scenes, strict=True):
            for cell in range(6):
                row, column = divmod(cell, 3)
                height, width = CELL - 6 + below(5), CELL - 6 + below(5)
                top, left = (CELL * first + below(CELL + 1 - length)
                             for first, length in ((row, height), (column, width)))
                plate = slice(top, top + height), slice(left, left + width)
                colour = below(COLOURS)
                images[(slice(None), *plate)] = self._palette[colour].view(3, 1, 1)
                labels[plate] = NEARER if self._is_nearer[colour] else FARTHER
                depth_m[plate] = self._depths_m[colour]
        scenes.images.add_(0.1 * torch.randn(scenes.images.shape, generator=generator))
        return scenes


def config_of(row: str) -> GadConfig:
    """Return a row of the ablation at an eighth of its width."""
    return replace(
        load_preset(row), name=row, num_classes=4, encoder_divisor=8, neck_channels=64,
        decoder_channels=(64, 32, 16, 16), gap_channels=8, image_size=SIZE, crop_size=None)


def trained(config: GadConfig, seed: int, steps: int) -> GadNetwork:
    """Train a network."""
    plates = Plates()
    unlabelled = plates.scenes(TRAINING_SCENES, 0)
    unlabelled.labels.zero_()
    labelled = plates.scenes(LABELLED_SCENES, 3)
    torch.manual_seed(seed)
    network = GadNetwork(config).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_LEARNING_RATE, total_steps=steps)
    judged = GadLossConfig(size=SIZE)
    for _ in trange(steps, desc=f'{config.name}, seed {seed}', leave=False):
        batch = Scenes(*map(torch.cat, zip(*(
            scenes.chosen(torch.randint(0, len(scenes.images), (BATCH_OF_EACH,)))
            for scenes in (labelled, unlabelled)), strict=True)))
        optimizer.zero_grad()
        gad_losses(network(batch.images), batch.labels, batch.depth_m, judged).total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), MAX_GRADIENT)
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def scores_of(network: GadNetwork, config: GadConfig) -> tuple[float, float | None]:
    """Return mIoU in percent, and the mean error of depth in metres where there is one."""
    images, labels, depth_m = Plates().scenes(TEST_SCENES, 1)
    predictions = [predict(network(part), SIZE, config) for part in images.split(12)]
    found = torch.cat([prediction.labels for prediction in predictions])
    ious = [
        float(((found == label) & (labels == label)).sum()
              / ((found == label) | (labels == label)).sum())
        for label in (WALL, FARTHER, NEARER)]
    depths = [prediction.depth_m for prediction in predictions if prediction.depth_m is not None]
    error_m = float((torch.cat(depths) - depth_m).abs().mean()) if depths else None
    return 100 * mean(ious), error_m


def main() -> int:
    """Print a line per row and say whether the order holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--rows', nargs='+', choices=ROWS, default=ROWS)
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1])
    parser.add_argument('--steps', type=int, default=400)
    arguments = parser.parse_args()
    means = {}
    for row in arguments.rows:
        config = config_of(row)
        scores = [scores_of(trained(config, seed, arguments.steps), config)
                  for seed in arguments.seeds]
        means[row] = mean(miou for miou, _ in scores)
        print(f'{row:9} mIoU {means[row]:.1f}:', *(
            f'{miou:.1f}' + ('' if error_m is None else f' (depth error {error_m:.2f} m)')
            for miou, error_m in scores), flush=True)
    return 1 if len(means) == len(ROWS) and not keeps_order(means) else 0


def keeps_order(means: dict[str, float]) -> bool:
    """Tell whether what the paper adds helps here, too."""
    scores = [means[row] for row in ROWS]
    return all(compare(lower, higher) for compare, lower, higher in zip(
        ORDER, scores, scores[1:], strict=False))


if __name__ == '__main__':
    sys.exit(main())
