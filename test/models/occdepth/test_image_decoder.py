from __future__ import annotations

import pytest
import torch

from ssc_ros.models.occdepth.image_decoder import ImageDecoder

CHANNELS = (3, 4, 6, 8, 10, 64)


def _taps(height: int, width: int) -> list[torch.Tensor]:
    taps = []
    for channels in CHANNELS:
        taps.append(torch.randn(1, channels, height, width))
        height, width = (height + 1) // 2, (width + 1) // 2
    return taps


def test_outputs_have_the_sizes_of_their_scales():
    outputs = ImageDecoder(CHANNELS, 5)(_taps(45, 62))
    assert {scale: tuple(maps.shape) for scale, maps in outputs.items()} == {
        8: (1, 5, 6, 8), 4: (1, 5, 12, 16), 2: (1, 5, 23, 31), 1: (1, 5, 45, 62)}


def test_widths_halve_from_the_head_unless_given():
    assert ImageDecoder(CHANNELS, 5).widths == (32, 16, 8, 4, 2)
    assert ImageDecoder(CHANNELS, 5, widths=(9, 8, 7, 6, 5)).widths == (9, 8, 7, 6, 5)


def test_the_unread_output_exists_only_for_official_weights():
    assert 'scale_16' not in ImageDecoder(CHANNELS, 5).outputs
    assert 'scale_16' in ImageDecoder(CHANNELS, 5, keeps_unused=True).outputs


@pytest.mark.parametrize('keeps_unused', [False, True])
def test_only_four_scales_are_computed(keeps_unused):
    decoder = ImageDecoder(CHANNELS, 5, keeps_unused=keeps_unused)
    assert set(decoder(_taps(32, 32))) == {1, 2, 4, 8}
