from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from ssc_ros.models.occdepth.image_encoder import make_encoder


@pytest.mark.parametrize('size', [(48, 64), (47, 61)])
def test_plain_taps_halve_the_image_rounding_up(size):
    encoder = make_encoder('plain').eval()
    taps = encoder(torch.randn(1, 3, *size))
    expected = [size]
    for _ in range(5):
        expected.append(tuple((length + 1) // 2 for length in expected[-1]))
    assert [tuple(tap.shape[-2:]) for tap in taps] == expected
    assert tuple(tap.shape[1] for tap in taps) == encoder.channels


def test_the_small_network_does_not_import_transformers():
    code = ('import sys; from ssc_ros.models.occdepth.image_encoder import make_encoder; '
            'make_encoder("plain"); assert "transformers" not in sys.modules')
    subprocess.run([sys.executable, '-c', code], check=True)
