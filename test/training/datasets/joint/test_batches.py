"""Tests of frames as tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.datasets.joint.augmentation import CropDraw, shift_colors
from training.datasets.joint.batches import JointDataset, JointDraw, join, sketch_of
from training.datasets.joint.loading import open_frames
from training.experiment import Experiment


@pytest.fixture(scope='module')
def experiment(make_imenet, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return make_imenet(tmp_path_factory.mktemp('run'), network={
        'preset': 'small', 'work_size': [96, 128]})


@pytest.fixture(scope='module')
def dataset(experiment: Experiment) -> JointDataset:
    return JointDataset(open_frames(experiment, 'train'), experiment.network, augments=True)


def test_both_branches_and_their_truth_come_in_one_batch(dataset: JointDataset) -> None:
    batch = join([dataset[0], dataset[1]])
    inputs = batch.inputs
    assert inputs.image.shape == (2, 3, 96, 128) and inputs.tsdf.shape == (2, 1, 60, 36, 60)
    assert batch.labels2d.shape == (2, 96, 128) and batch.labels3d.shape == (2, 60, 36, 60)
    assert batch.frame.tolist() == [0, 1]
    assert not bool((batch.is_surface & ~inputs.nonfree).any())


def test_a_branch_is_not_burdened_with_what_the_other_reads(dataset: JointDataset) -> None:
    pixels = dataset[JointDraw(0, 1, '2d', is_alone=False)].inputs
    voxels = dataset[JointDraw(0, 1, '3d', is_alone=False)].inputs
    assert pixels.tsdf is None and pixels.image is not None
    assert voxels.tsdf is not None and voxels.image is None


def test_images_are_cropped_only_while_no_labels_cross_over(dataset: JointDataset) -> None:
    plain = dataset[0]
    alone = dataset[JointDraw(0, 3, '2d', is_alone=True)]
    again = dataset[JointDraw(0, 3, '2d', is_alone=True)]
    shared = dataset[JointDraw(0, 3, '2d', is_alone=False)]
    assert torch.equal(alone.inputs.image, again.inputs.image)
    assert not torch.equal(alone.labels2d, plain.labels2d)
    assert torch.equal(shared.labels2d, plain.labels2d)
    assert not torch.equal(shared.inputs.image, plain.inputs.image)
    torch.testing.assert_close(shared.inputs.image, plain.inputs.image, atol=1.5, rtol=0)


def test_given_labels_are_the_truth(make_imenet, tmp_path: Path) -> None:
    for given, network in (('pixel_labels', {'image_network': 'none', 'has_dcp2d': False}),
                           ('voxel_labels', {'voxel_network': 'none', 'has_dda': False})):
        experiment = make_imenet(tmp_path, network=network)
        batch = JointDataset(
            open_frames(experiment, 'train'), experiment.network, augments=True)[0]
        truth = batch.labels2d if given == 'pixel_labels' else batch.labels3d
        assert torch.equal(getattr(batch.inputs, given), truth)


def test_crops_keep_their_proportions_and_mirror_half_of_the_time() -> None:
    draws = [CropDraw.draw(np.random.default_rng(seed), (480, 640)) for seed in range(200)]
    assert {480 <= draw.width <= 636 for draw in draws} == {True}
    assert all(abs(draw.width / draw.height - 4 / 3) < 0.01 for draw in draws)
    assert 60 < sum(draw.mirrors for draw in draws) < 140
    image = np.arange(12).reshape(3, 4)
    assert CropDraw(1, 0, 2, 3, mirrors=True).apply(image).tolist() == [[6, 5, 4], [10, 9, 8]]


def test_colours_shift_alike_in_the_whole_image() -> None:
    rgb = np.full((4, 4, 3), 128, np.uint8)
    shifts = []
    for seed in range(50):
        shifted = shift_colors(rgb, np.random.default_rng(seed))
        assert len(np.unique(shifted.reshape(-1, 3), axis=0)) == 1
        shifts.append(np.abs(shifted.astype(int) - 128).max())
    assert 1 < np.mean(shifts) < 10 and max(shifts) < 40


def test_sketches_are_occupied_voxels_beside_another_class() -> None:
    labels = torch.zeros(1, 5, 1, 5, dtype=torch.uint8)
    labels[0, :, 0, :3] = 3
    labels[0, 4, 0, :] = 255
    labels[0, 0, 0, 0] = 4
    assert sketch_of(labels)[0, :, 0].tolist() == [
        [1, 1, 1, 0, 0], [1, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [255] * 5]
