"""The whole network learns four scenes by heart, labels and depth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.inputs import predict
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.gad.presets import load_preset
from training.losses import GadLossConfig, gad_losses

SIZE = (96, 128)
WALL, FLOOR, BOXES = 1, 2, (3, 4)
STEPS = 260


def scenes() -> tuple[Tensor, Tensor, Tensor]:
    """Return images (4, 3, 96, 128), labels and depth in metres of a wall, a floor and boxes."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(SIZE[0]).view(-1, 1).expand(SIZE)
    labels = torch.where(rows < 48, WALL, FLOOR).repeat(4, 1, 1)
    depth_m = torch.where(rows < 48, 4.0, 4 - (rows - 48) / 16).repeat(4, 1, 1)
    for scene in range(4):
        for box in BOXES:
            top = 8 * int(torch.randint(2, 6, (1,), generator=generator))
            left = 64 * (box - BOXES[0]) + 8 * int(torch.randint(0, 4, (1,), generator=generator))
            labels[scene, top:top + 40, left:left + 32] = box
            depth_m[scene, top:top + 40, left:left + 32] = 1 + 0.5 * box - 0.2 * scene
    colours = torch.rand(5, 3, generator=generator) * 2 - 1
    noise = 0.05 * torch.randn(4, 3, *SIZE, generator=generator)
    return colours[labels].permute(0, 3, 1, 2) + noise, labels, depth_m


@pytest.fixture
def config() -> GadConfig:
    """Return the full network at an eighth of its width."""
    return replace(
        load_preset('gad'), name='eighth', num_classes=5, encoder_divisor=8, neck_channels=128,
        decoder_channels=(64, 32, 16, 8), gap_channels=4, image_size=SIZE, crop_size=None)


@pytest.mark.slow
def test_four_scenes_are_learnt_by_heart(config):
    torch.manual_seed(0)
    network = GadNetwork(config).train()
    images, labels, depth_m = scenes()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=STEPS)
    judged = GadLossConfig(size=SIZE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        gad_losses(network(images), labels, depth_m, judged).total.backward()
        torch.nn.utils.clip_grad_norm_(network.semantic_parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.inference_mode():
        prediction = predict(network.eval()(images), SIZE, config)
    assert (prediction.labels == labels).float().mean() > 0.95
    assert (prediction.depth_m - depth_m).abs().mean() < 0.1
