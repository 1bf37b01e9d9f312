"""Tests of training batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssc_ros.models.occdepth.presets import load_preset
from training.datasets.labelled import (
    Batch,
    CompletionDataset,
    Draw,
    LabelledFrame,
    SampleMaker,
    join,
    mirrored_batch,
)
from training.datasets.rooms import RoomFrames
from training.options import DataOptions

CONFIG = replace(load_preset('small'), image_size=(64, 96), gather='nearest')


@pytest.fixture(scope='module')
def labelled(tiny_rooms: Path) -> LabelledFrame:
    return RoomFrames(tiny_rooms, 'train')[0]


@pytest.fixture(scope='module')
def batch(labelled: LabelledFrame) -> Batch:
    return SampleMaker(CONFIG, DataOptions(), with_cells=True)(labelled)


def seen_colors(batch: Batch, view: int) -> torch.Tensor:
    """Return the colour that each visible voxel of a view falls on."""
    pixels = batch.inputs.pixels[0, view][batch.inputs.in_view[0, view]]
    return batch.images[0, view][:, pixels[:, 1], pixels[:, 0]]


def test_batches_have_the_promised_shapes(batch: Batch) -> None:
    assert batch.images.shape == (1, 2, 3, 64, 96)
    assert batch.labels.shape == (1, 60, 36, 60)
    assert batch.depth_m is not None
    assert batch.depth_m.shape == (1, 1, 64, 96)
    assert batch.cells is not None
    assert batch.cells.shape == (1, 2, 60 * 36 * 60)


def test_a_mirrored_batch_shows_every_voxel_the_same_pixel(batch: Batch) -> None:
    mirrored = mirrored_batch(batch)
    assert not torch.equal(mirrored.images, batch.images)
    assert torch.equal(mirrored.labels, batch.labels)
    for view in range(2):
        assert torch.equal(seen_colors(mirrored, view), seen_colors(batch, view))
    assert torch.equal(mirrored.depth_m, batch.depth_m.flip(-1))


def test_cells_are_those_of_visible_voxels(batch: Batch) -> None:
    assert torch.equal(batch.cells != 255, batch.inputs.in_view)
    assert batch.cells[batch.cells != 255].max() == 63


def test_frusta_are_counted_at_label_resolution(labelled: LabelledFrame) -> None:
    coarse = replace(CONFIG, grid_shape=(60, 36, 60), project_scale=1)
    lifted_at_half = replace(
        coarse, project_scale=3, final_upsampling=True, depth_prior=False,
        depth_matching=False)
    sample = SampleMaker(lifted_at_half, DataOptions(), with_cells=True)(labelled)
    assert sample.inputs.in_view.shape[-1] == 20 * 12 * 20
    assert sample.cells.shape[-1] == 60 * 36 * 60


def test_draws_are_augmented_and_indices_are_not(labelled: LabelledFrame, batch: Batch) -> None:
    data = DataOptions(flip_probability=1.0)
    dataset = CompletionDataset([labelled], SampleMaker(CONFIG, data, with_cells=False))
    assert torch.equal(dataset[0].images, batch.images)
    assert torch.equal(dataset[Draw(0, 5)].images, dataset[Draw(0, 5)].images)
    assert not torch.equal(dataset[Draw(0, 5)].images, dataset[Draw(0, 6)].images)
    assert torch.equal(dataset[Draw(0, 5)].inputs.pixels, mirrored_batch(batch).inputs.pixels)


def test_joined_batches_keep_their_samples(batch: Batch) -> None:
    both = join([batch, mirrored_batch(batch)])
    assert both.images.shape[0] == both.labels.shape[0] == both.inputs.pixels.shape[0] == 2
    assert torch.equal(both.images[:1], batch.images)


def test_depth_is_left_out_where_nothing_teaches_it(labelled: LabelledFrame) -> None:
    config = replace(CONFIG, depth_supervision='none')
    assert SampleMaker(config, DataOptions(), with_cells=False)(labelled).depth_m is None


def test_images_of_another_size_are_fitted_with_their_depth(labelled: LabelledFrame) -> None:
    config = replace(CONFIG, image_size=(32, 48))
    sample = SampleMaker(config, DataOptions(), with_cells=False)(labelled)
    assert sample.images.shape[-2:] == sample.depth_m.shape[-2:] == (32, 48)
    assert np.isin(sample.depth_m.numpy(), labelled.depth_m).all()
