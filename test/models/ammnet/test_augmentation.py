from __future__ import annotations

from itertools import product

import pytest
import torch

from ssc_ros.models.ammnet.augmentation import Augmentation3D

ALL = [Augmentation3D(*flags) for flags in product((False, True), repeat=3)]


@pytest.mark.parametrize('augmentation', ALL)
def test_undoing_brings_every_voxel_back(augmentation):
    volume = torch.arange(2 * 3 * 6 * 4 * 6).view(2, 3, 6, 4, 6)
    assert torch.equal(augmentation.undo(augmentation.apply(volume)), volume)


@pytest.mark.parametrize('augmentation', ALL)
def test_voxels_move_by_flip_x_then_flip_z_then_swap(augmentation):
    x, y, z = 1, 2, 3
    volume = torch.zeros(6, 4, 6)
    volume[x, y, z] = 1
    if augmentation.flips_x:
        x = 5 - x
    if augmentation.flips_z:
        z = 5 - z
    if augmentation.swaps:
        x, z = z, x
    assert augmentation.apply(volume).nonzero().tolist() == [[x, y, z]]


def test_the_eight_augmentations_differ():
    volume = torch.arange(6 * 4 * 6).view(6, 4, 6)
    assert len({tuple(each.apply(volume).flatten().tolist()) for each in ALL}) == 8


def test_draws_follow_the_generator_and_reach_every_case():
    generator = torch.Generator().manual_seed(0)
    drawn = [Augmentation3D.draw(generator=generator) for _ in range(200)]
    assert set(drawn) == set(ALL)
    again = torch.Generator().manual_seed(0)
    assert drawn == [Augmentation3D.draw(generator=again) for _ in range(200)]
    assert not any(Augmentation3D.draw(may_swap=False).swaps for _ in range(50))
