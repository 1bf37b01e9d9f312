"""Tests of augmentation, batches and the training stream of labelled images."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError
from training.datasets.labelled import Draw
from training.datasets.segmentation import RoomImages
from training.datasets.segmentation.augmentation import ImageDraw
from training.datasets.segmentation.batches import join
from training.datasets.segmentation.loading import GroupedSampler, SegmentationData
from training.datasets.segmentation.opening import has_depth_mask, open_images
from training.datasets.segmentation.rooms import official_ids
from training.experiment import Experiment
from training.options import GadData

MakeGad = Callable[..., Experiment]


def test_crops_and_mirrors_move_everything_alike() -> None:
    draw = ImageDraw(mirrors=True, top=2, left=3)
    image = torch.arange(10 * 12).view(10, 12)
    assert torch.equal(draw.cropped(image, (4, 5)), image[2:6, 3:8].flip(-1))
    assert torch.equal(draw.cropped(image[None], (4, 5))[0], draw.cropped(image, (4, 5)))


def test_the_crop_of_tests_is_the_middle() -> None:
    draw = ImageDraw.middle((240, 320), (228, 304))
    assert (draw.top, draw.left, draw.mirrors) == (6, 8, False)


def test_draws_stay_within_the_published_ranges() -> None:
    rng = np.random.default_rng(0)
    draws = [ImageDraw.draw(rng, GadData(), (240, 320), (228, 304)) for _ in range(400)]
    assert {draw.top for draw in draws} == set(range(13))
    assert {draw.left for draw in draws} == set(range(17))
    assert 0.4 < np.mean([draw.mirrors for draw in draws]) < 0.6
    assert 0.4 < np.mean([draw.gamma != 1 for draw in draws]) < 0.6
    assert all(0.8 <= draw.gamma <= 1.2 for draw in draws)
    assert all(0.8 * 0.9 <= gain <= 1.2 * 1.1 for draw in draws for gain in draw.gains)
    assert any(draw.gains[0] != draw.gains[2] for draw in draws)


def test_colours_change_by_gamma_and_gain_and_hha_does_not() -> None:
    picture = torch.full((6, 2, 2), 64, dtype=torch.uint8)
    changed = ImageDraw(gamma=0.5, gains=(1.0, 0.5, 3.0)).recolored(picture)
    assert changed[:, 0, 0].tolist() == [128, 64, 255, 64, 64, 64]
    assert ImageDraw().recolored(picture) is picture


def test_rooms_translate_their_classes(tiny_rooms: Path) -> None:
    assert official_ids('nyu40')[:12].tolist() == [0, 22, 2, 1, 9, 5, 4, 6, 7, 25, 39, 40]
    assert official_ids('sunrgbd37')[10:12].tolist() == [0, 0]
    assert official_ids('nyu12')[[3, 255]].tolist() == [3, 0]
    with pytest.raises(ConfigurationError, match='is one of voxels'):
        official_ids('semantic_kitti20')
    images = RoomImages(tiny_rooms, 'train')
    assert (len(images), images.num_classes) == (3, 11)
    assert images[0].labels.shape == images[0].depth_m.shape == (64, 96)
    assert 1 <= images[0].labels.max() <= 11


def test_an_augmented_sample_follows_from_its_seed(make_gad: MakeGad, tmp_path: Path) -> None:
    dataset = SegmentationData(make_gad(tmp_path))._datasets['train']
    first, again, other = (dataset[Draw(0, seed)] for seed in (1, 1, 2))
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first.images, other.images)
    batch = join([first, other])
    assert batch.images.shape == (2, 3, 48, 64)
    assert batch.labels.shape == batch.depth_m.shape == (2, 48, 64)
    assert batch.has_depth.tolist() == [True, True]


def test_kept_images_are_read_once(make_gad: MakeGad, tmp_path: Path) -> None:
    data = SegmentationData(make_gad(tmp_path, data={'cache': 'host'}))
    images = data._datasets['train']._images
    assert images[0] is images[0]
    plain = SegmentationData(make_gad(tmp_path))._datasets['train']
    assert all(map(torch.equal, data._datasets['train'][0], plain[0]))


def test_images_without_their_share_of_depth_keep_none(make_gad: MakeGad, tmp_path: Path) -> None:
    data = SegmentationData(make_gad(tmp_path, data={'depth_fraction': 0.34}))
    assert data.has_depth.sum() == 1
    for index, has_depth in enumerate(data.has_depth):
        batch = data._datasets['train'][index]
        assert batch.has_depth.item() == has_depth
        assert bool(batch.depth_m.any()) == has_depth
    assert data._datasets['val'][0].has_depth.item()


def test_larger_shares_hold_the_smaller_ones() -> None:
    masks = [has_depth_mask(795, share, seed=0) for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    assert [int(mask.sum()) for mask in masks] == [0, 159, 318, 477, 636, 795]
    for less, more in pairwise(masks):
        assert (less <= more).all()
    assert not np.array_equal(masks[1], has_depth_mask(795, 0.2, seed=1))


@pytest.mark.parametrize('world', [1, 2])
def test_batches_hold_one_group_only_and_an_epoch_all_images(world: int) -> None:
    is_member = np.arange(23) % 3 == 0  # 8 and 15
    streams = [[draw.frame for draw in GroupedSampler(
        is_member, 4 * world, seed=5, start=0, stop=96, rank=rank, world=world)]
        for rank in range(world)]
    for stream in streams:
        for start in range(0, len(stream), 4):
            assert len(set(is_member[stream[start:start + 4]].tolist())) == 1
    epoch = [frame for stream in streams for frame in stream[:24 // world]]
    assert set(epoch) == set(range(23))


def test_a_resumed_grouped_stream_goes_on_as_if_it_had_not_stopped() -> None:
    is_member = np.arange(10) < 4
    whole = list(GroupedSampler(is_member, 2, seed=1, start=0, stop=40))
    rest = list(GroupedSampler(is_member, 2, seed=1, start=14, stop=40))
    assert rest == whole[14:]


def test_held_out_images_are_not_trained_on(make_gad: MakeGad, tmp_path: Path) -> None:
    experiment = make_gad(tmp_path, data={'validate_on': 'held_out', 'held_out': 2})
    # The made-up frames are neighbours, one scene: none can be held out.
    assert open_images(experiment, 'train').names == (3, 4, 5)
    with pytest.raises(ConfigurationError, match='no image is left for val'):
        open_images(experiment, 'val')


def test_impossible_settings_are_refused(make_gad: MakeGad, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match='num_classes is 12'):
        open_images(make_gad(tmp_path, network={'num_classes': 12}), 'train')
    with pytest.raises(ConfigurationError, match=r'depth_fraction is 1\.5'):
        make_gad(tmp_path, data={'depth_fraction': 1.5})
    with pytest.raises(ConfigurationError, match='train_crop'):
        SegmentationData(make_gad(tmp_path, data={'train_crop': [300, 20]}))
