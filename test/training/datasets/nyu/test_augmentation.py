"""Tests of augmentation."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.models.ammnet.augmentation import Augmentation3D
from ssc_ros.models.layers.projection import pixel_of_voxel_from, voxel_of_pixel_from
from training.datasets.nyu import NyuSample, NyuSamples
from training.datasets.nyu.augmentation import (
    ImageChange,
    augment_images,
    augment_volumes,
    distort_colors,
    pixels_of_voxels,
    voxels_of_pixels,
)

NO_PIXEL = 307200
AUGMENTATIONS = [
    Augmentation3D(bool(i & 1), bool(i & 2), bool(i & 4)) for i in range(8)]


@pytest.fixture(scope='module')
def sample(samples: NyuSamples) -> NyuSample:
    return samples[0]


def moved_voxel(voxel: int, augmentation: Augmentation3D) -> int:
    """Move a flat voxel index by the words of the paper."""
    x, y, z = np.unravel_index(voxel, (60, 36, 60))
    x = 59 - x if augmentation.flips_x else x
    z = 59 - z if augmentation.flips_z else z
    x, z = (z, x) if augmentation.swaps else (x, z)
    return int(np.ravel_multi_index((x, y, z), (60, 36, 60)))


@pytest.mark.parametrize('augmentation', AUGMENTATIONS)
def test_every_moved_voxel_keeps_its_pixel_and_values(
    sample: NyuSample, augmentation: Augmentation3D,
) -> None:
    changed = augment_volumes(sample, augmentation)
    for voxel in np.flatnonzero(sample.pixel_of_voxel != NO_PIXEL)[::97]:
        target = moved_voxel(voxel, augmentation)
        assert changed.pixel_of_voxel[target] == sample.pixel_of_voxel[voxel]
        for name in ('tsdf', 'labels', 'label_weight'):
            assert getattr(changed, name).flat[target] == getattr(sample, name).flat[voxel]
    assert np.array_equal(changed.rgb, sample.rgb)


@pytest.mark.parametrize('augmentation', AUGMENTATIONS)
def test_predictions_in_the_augmented_frame_can_be_undone(
    sample: NyuSample, augmentation: Augmentation3D,
) -> None:
    changed = augment_volumes(sample, augmentation)
    undone = augmentation.undo(torch.from_numpy(changed.labels)).numpy()
    assert np.array_equal(undone, sample.labels)
    assert sorted(changed.pixel_of_voxel) == sorted(sample.pixel_of_voxel)


def test_inverse_mappings_agree_with_those_of_the_network(sample: NyuSample) -> None:
    by_pixel = voxels_of_pixels(sample.pixel_of_voxel)
    assert np.array_equal(pixels_of_voxels(by_pixel), sample.pixel_of_voxel)
    tensor = torch.from_numpy(sample.pixel_of_voxel)[None]
    assert np.array_equal(voxel_of_pixel_from(tensor, (480, 640))[0].numpy(), by_pixel)
    enlarged = ImageChange(576, 768, 50, 60).ids(by_pixel, -1)
    expected = pixel_of_voxel_from(torch.from_numpy(enlarged)[None], 129600)[0]
    assert np.array_equal(pixels_of_voxels(enlarged), expected.numpy())


def test_no_change_is_the_identity(sample: NyuSample) -> None:
    change = ImageChange()
    assert np.array_equal(change.image(sample.rgb), sample.rgb)
    assert np.array_equal(change.mapping(sample.pixel_of_voxel), sample.pixel_of_voxel)
    assert np.array_equal(change.ids(sample.label_map13, 0), sample.label_map13)


def test_a_mirrored_voxel_sees_the_mirrored_pixel(sample: NyuSample) -> None:
    change = ImageChange(mirrors=True)
    visible = sample.pixel_of_voxel != NO_PIXEL
    row, column = np.divmod(sample.pixel_of_voxel[visible], 640)
    expected = row * 640 + 639 - column
    assert np.array_equal(change.mapping(sample.pixel_of_voxel)[visible], expected)


changes = st.builds(
    ImageChange, height=st.integers(384, 576), width=st.integers(512, 768),
    mirrors=st.booleans())


@given(changes, st.floats(0, 1), st.floats(0, 1))
def test_voxels_keep_their_image_content_whatever_the_change(
    sample: NyuSample, change: ImageChange, down: float, right: float,
) -> None:
    top = int(down * max(0, change.height - 480))
    left = int(right * max(0, change.width - 640))
    change = ImageChange(change.height, change.width, top, left, change.mirrors)
    mapping = change.mapping(sample.pixel_of_voxel)
    seen = mapping != NO_PIXEL
    assert seen.sum() > 400
    assert (sample.pixel_of_voxel[seen] != NO_PIXEL).all()
    labels = change.ids(sample.label_map40, 0).ravel()[mapping[seen]]
    assert np.array_equal(labels, sample.label_map40.ravel()[sample.pixel_of_voxel[seen]])


def test_shrunken_images_are_padded_with_the_mean_colour(sample: NyuSample) -> None:
    change = ImageChange(384, 512, mirrors=True)
    image = change.image(sample.rgb)
    assert (image[384:] == (124, 116, 104)).all()
    assert (image[:, 512:] == (124, 116, 104)).all()
    resized = cv2.resize(sample.rgb, (512, 384))
    assert np.array_equal(image[:384, :512], resized[:, ::-1])
    assert not change.ids(sample.label_map13 + 1, 0)[384:].any()


def test_drawn_changes_stay_in_their_bounds() -> None:
    rng = np.random.default_rng(0)
    drawn = [ImageChange.draw(rng) for _ in range(400)]
    scaled = [change for change in drawn if change.height != 480]
    assert 150 < len(scaled) < 250
    assert 150 < sum(change.mirrors for change in drawn) < 250
    for change in drawn:
        assert 384 <= change.height <= 576
        assert change.width == pytest.approx(change.height * 4 / 3, abs=2)
        assert 0 <= change.top <= max(0, change.height - 480)
        assert 0 <= change.left <= max(0, change.width - 640)
    assert max(change.top for change in drawn) > 60


def test_samples_are_augmented_alike_for_one_seed_and_volumes_stay(sample: NyuSample) -> None:
    one, same, other = (
        augment_images(sample, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(one.rgb, same.rgb)
    assert np.array_equal(one.pixel_of_voxel, same.pixel_of_voxel)
    assert not np.array_equal(one.rgb, other.rgb)
    for name in ('tsdf', 'labels', 'label_weight'):
        assert getattr(one, name) is getattr(sample, name)
    assert one.placement is one.depth_m is None
    assert one.rgb.shape == sample.rgb.shape
    assert one.label_map13.dtype == np.uint8


class Scripted:
    """A generator whose draws are given."""

    def __init__(self, coins: list[bool], value: float) -> None:
        self._coins, self._value = coins, value

    def random(self) -> float:
        return 0.0 if self._coins.pop(0) else 1.0

    def uniform(self, low: float, high: float) -> float:
        assert low <= self._value <= high
        return self._value

    def integers(self, low: int, high: int) -> int:
        assert low <= self._value < high
        return int(self._value)


PIXELS = np.array([[[200, 100, 50], [10, 250, 130]]], np.uint8)
# Coins: brightness, contrast first, then each of the three steps in order.
CONTRAST_LAST = [False, False]


def test_brightness_shifts_and_clips() -> None:
    rng = Scripted([True, False, False, False, False], 30.0)
    assert distort_colors(PIXELS, rng).tolist() == [[[230, 130, 80], [40, 255, 160]]]


def test_contrast_scales_and_clips() -> None:
    rng = Scripted([False, True, True, False, False], 1.5)
    assert distort_colors(PIXELS, rng).tolist() == [[[255, 150, 75], [15, 255, 195]]]


@pytest.mark.parametrize(('coins', 'value', 'change'), [
    ([*CONTRAST_LAST, True, False, False], 0.5, lambda h, s, v: (h, s / 2, v)),
    ([*CONTRAST_LAST, False, True, False], 10, lambda h, s, v: ((h + 20 / 360) % 1, s, v)),
])
def test_saturation_and_hue_change_alone(
    coins: list[bool], value: float, change: Callable[..., tuple[float, float, float]],
) -> None:
    result = distort_colors(PIXELS, Scripted(coins, value))
    for pixel, before in zip(result[0], PIXELS[0], strict=True):
        expected = colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*before / 255.0)))
        assert pixel / 255 == pytest.approx(expected, abs=0.03)


def test_the_release_grays_float_images() -> None:
    official = distort_colors(PIXELS, Scripted([*CONTRAST_LAST, True, False, False], 0.9),
                              'official')
    assert (official.max(axis=-1) == official.min(axis=-1)).all()
    assert official[0, :, 0].tolist() == [200, 250]
    after_brightness = distort_colors(
        PIXELS, Scripted([True, False, True, False, False], 1.0), 'official')
    assert (after_brightness.max(axis=-1) > after_brightness.min(axis=-1) + 50).all()


def test_about_a_fifth_of_the_images_is_grayed_as_in_the_release(sample: NyuSample) -> None:
    rgb = sample.rgb[::60, ::80] // 3 + 100  # as pale as rooms are
    rgb = rgb[(rgb.max(axis=-1) - rgb.min(axis=-1)) > 30][None]
    rng = np.random.default_rng(0)
    images = [distort_colors(rgb, rng, 'official') for _ in range(600)]
    grayed = np.mean([
        ((image.max(axis=-1) - image.min(axis=-1)) < 3).mean() > 0.9 for image in images])
    assert 0.13 < grayed < 0.25


def test_colours_may_stay(sample: NyuSample) -> None:
    assert distort_colors(sample.rgb, np.random.default_rng(0), 'none') is sample.rgb
