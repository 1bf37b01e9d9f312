"""Tiny data sets and tiny networks, so that whole training runs fit into seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.cli import evaluate_joint
from training.datasets.joint import loading
from training.datasets.nyu.fixture import write_fixture
from training.datasets.scans import SpsgImages
from training.datasets.scans.prepare import ChunkOptions, rules_at, write_training_chunks
from training.datasets.scans.synthetic import ScanRecipe, SyntheticScan
from training.datasets.synthetic import generate
from training.experiment import Experiment, parse_experiment
from training.segmenters.colors import ColorSegmenter
from training.segmenters.pseudo_labels import label_scan

from .joint_world import GRID_SHAPE, IMAGE_SIZE, open_boxes

TINY_OCCDEPTH = {
    'network': {
        'preset': 'small', 'image_size': [64, 96], 'feature_channels': 8,
        'decoder_widths': [16, 16, 8, 8, 8], 'num_depth_bins': 8, 'depth_channels': 8},
    'optimization': {'steps': 6, 'learning_rate': 1e-3},
    'run': {'checkpoint_every_steps': 3},
}

TINY_AMMNET = {
    'system': 'ammnet',
    'network': {'preset': 'small-labels', 'feature_channels': 8, 'detail_channels': 4},
    'data': {'batch_size': 2, 'val_samples': 1},
    'optimization': {'steps': 4, 'epochs': 2},
    'run': {'checkpoint_every_steps': 2},
}

TINY_GAD = {
    'system': 'gad',
    'network': {
        'preset': 'gad', 'image_size': [60, 80], 'crop_size': [48, 64], 'encoder_divisor': 16,
        'neck_channels': 16, 'decoder_channels': [16, 8, 8, 8], 'gap': 'local',
        'gap_channels': 4},
    'data': {'batch_size': 2, 'val_samples': 1},
    'losses': {'size': None},
    'optimization': {'steps': 4, 'learning_rate': 1e-3},
    'run': {'checkpoint_every_steps': 2},
}

TINY_IMENET = {
    'system': 'imenet',
    'network': {
        'preset': 'small-labels', 'work_size': [96, 128], 'voxel_channels': 8,
        'dcp2d_channels': 4, 'dcp2d_rates': [1, 3], 'dcp3d_channels': 4, 'dcp3d_rates': [1],
        'deform_impl': 'plain'},
    'data': {'batch_size': 1, 'image_batch_size': 2, 'val_samples': 1},
    'optimization': {
        'steps': 12, 'rounds': 2, 'learning_rate': 1e-2, 'image_epochs': 1, 'voxel_epochs': 1,
        'round_image_epochs': 1, 'round_voxel_epochs': 1},
    'run': {'checkpoint_every_steps': 1},
}

TINY_S4R = {
    'system': 's4r',
    'network': {'preset': 'small', 'voxel_size_m': 0.08, 'chunk_shape': [32, 16, 16],
                'channels': [4, 8, 16]},
    'data': {'view_size': [24, 32], 'views': 2, 'batch_size': 2, 'val_samples': 2, 'workers': 0,
             'train_samples': 8},
    'losses': {'least_pixels': 4, 'distance': 1.0},
    'optimization': {'steps': 6, 'learning_rate': 2e-3, 'views_from': 0.3, 'virtual_from': 0.6},
    'run': {'checkpoint_every_steps': 2},
}

TINY_BOXES = {
    'network': {
        'grid_shape': list(GRID_SHAPE), 'image_size': list(IMAGE_SIZE),
        'work_size': list(IMAGE_SIZE), 'dcp3d_rates': [1, 3], 'dcp3d_grid': 'full',
        'dcp2d_channels': 8, 'dcp3d_channels': 8},
    'data': {'augments_images': False},
}


def maker(data: Path, document: dict[str, Any]) -> Callable[..., Experiment]:
    """Return a maker of experiments that run in a folder; sections given are merged in."""
    def make(folder: Path, **sections: dict[str, Any]) -> Experiment:
        run = {'folder': str(folder), 'validations': 1, 'log_every_steps': 1}
        whole = merged({'name': 'tiny', 'data': {'root': str(data)}, 'run': run}, document)
        return parse_experiment(merged(whole, sections))
    return make


def merged(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a document whose sections are changed in part."""
    return {**document, **{
        name: {**document.get(name, {}), **value} if isinstance(value, dict) else value
        for name, value in changes.items()}}


@pytest.fixture(scope='session')
def tiny_rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of 96x64 pixel rooms: 3 to train on, 1 to validate, 2 to test."""
    root = tmp_path_factory.mktemp('rooms')
    for split, count in (('train', 3), ('val', 1), ('test', 2)):
        generate(root, split, count, size=(64, 96))
    return root


@pytest.fixture(scope='session')
def tiny_nyu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a converted package of made-up frames: 3 to 5 to train on, 1 and 2 to test."""
    root = tmp_path_factory.mktemp('package') / 'NYU'
    write_fixture(root)
    return root


@pytest.fixture(scope='session')
def tiny_scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a room each to train on, validate and test, in voxels of 8 cm."""
    root = tmp_path_factory.mktemp('scans')
    options = ChunkOptions(rules=rules_at(0.08), voxel_size_m=0.08, writes_scenes=True,
                           max_chunks=10)
    for split in ('train', 'val', 'test'):
        scan = SyntheticScan(ScanRecipe(
            split, 0, rooms=1, frames_per_room=8, height=48, width=64, paint='classes'))
        write_training_chunks(scan, root / split, options)
        images = root / split / 'images' / scan.name
        label_scan(SpsgImages(images), ColorSegmenter('nyu12', 'matterport11'), images)
    return root


@pytest.fixture(scope='session')
def make_s4r(tiny_scans: Path) -> Callable[..., Experiment]:
    """Return the maker of S4R experiments on tiny scans."""
    return maker(tiny_scans, TINY_S4R)


@pytest.fixture(scope='session')
def make_experiment(tiny_rooms: Path) -> Callable[..., Experiment]:
    """Return the maker of OccDepth experiments on tiny rooms."""
    return maker(tiny_rooms, TINY_OCCDEPTH)


@pytest.fixture(scope='session')
def make_ammnet(tiny_nyu: Path) -> Callable[..., Experiment]:
    """Return the maker of AMMNet experiments on made-up frames."""
    return maker(tiny_nyu, TINY_AMMNET)


@pytest.fixture(scope='session')
def make_gad(tiny_nyu: Path) -> Callable[..., Experiment]:
    """Return the maker of GAD experiments on made-up frames."""
    return maker(tiny_nyu, TINY_GAD)


@pytest.fixture(scope='session')
def make_imenet(tiny_nyu: Path) -> Callable[..., Experiment]:
    """Return the maker of IMENet experiments on made-up frames."""
    return maker(tiny_nyu, TINY_IMENET)


@pytest.fixture
def make_boxes(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Experiment]:
    """Return the maker of IMENet experiments on rooms of boxes."""
    for module in (loading, evaluate_joint):
        monkeypatch.setattr(module, 'open_frames', open_boxes)
    return maker(Path('boxes'), merged(TINY_IMENET, TINY_BOXES))
