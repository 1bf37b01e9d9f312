"""Reference cameras, official names and deterministic weights; a tiny configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.inputs import OccDepthInputs, build_tables
from ssc_ros.models.occdepth.presets import load_preset

BASELINE_M = 0.12


@pytest.fixture(scope='session')
def reference(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    return load_module(Path(__file__).with_name('official_reference.py'))


@pytest.fixture(scope='session')
def tiny() -> OccDepthConfig:
    """Return a configuration that runs in milliseconds, on a coarse NYU box."""
    return replace(
        load_preset('small'), name='tiny', image_size=(48, 64), grid_shape=(12, 8, 12),
        voxel_size_m=0.4, feature_channels=8, decoder_widths=(16, 16, 8, 8, 8),
        num_depth_bins=8, depth_channels=8, depth_matching=False)


@pytest.fixture(scope='session')
def make_inputs():
    """Return a maker of the tables of a level stereo camera, or of its left half."""
    def make(config: OccDepthConfig, *, baseline_m: float = BASELINE_M,
             pitch_rad: float = 0.1) -> OccDepthInputs:
        height, width = config.image_size
        camera = PinholeCamera(
            0.8 * width, 0.8 * width, (width - 1) / 2, (height - 1) / 2, height, width)
        box = nyu_placement(level_camera_pose(height_m=1.4, pitch_rad=pitch_rad))
        grid = replace(box.grid, shape=config.grid_shape, voxel_size_m=config.voxel_size_m)
        to_right = np.eye(4)
        to_right[0, 3] = -baseline_m
        poses = [box.T_camera_voxel, to_right @ box.T_camera_voxel]
        tables = build_tables(
            config, grid, poses[:config.views], [camera] * config.views)
        if config.virtual_baseline_m is None:
            return tables
        return tables._replace(depth_m=torch.full((1, 1, height, width), 3.0))
    return make
