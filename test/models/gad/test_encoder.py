"""Both ResNet-50 variants, and their taps."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ssc_ros.models.gad.encoder import ResNet50Encoder, make_encoder
from ssc_ros.models.gad.presets import load_preset


def test_the_torchvision_variant_computes_what_the_hub_model_does():
    transformers = pytest.importorskip('transformers')
    torch.manual_seed(0)
    theirs = transformers.ResNetModel(transformers.ResNetConfig()).eval()
    ours = ResNet50Encoder(replace(load_preset('gad'), spf_tap='last')).eval()
    # Both list the layers in one order, but for the shortcut, which theirs begins a block with.
    source = dict(theirs.state_dict())
    state = {}
    for name in ours.state_dict():
        parts = name.split('.')
        if parts[0] != 'stages':
            kind = {'conv1': 'convolution', 'bn1': 'normalization'}[parts[0]]
            state[name] = source[f'embedder.embedder.{kind}.{parts[1]}']
            continue
        block = f'encoder.stages.{parts[1]}.layers.{parts[2]}'
        if parts[3] == 'downsample':
            kind = 'convolution' if parts[4] == '0' else 'normalization'
            state[name] = source[f'{block}.shortcut.{kind}.{parts[5]}']
        else:
            kind = 'convolution' if parts[3].startswith('conv') else 'normalization'
            state[name] = source[f'{block}.layer.{int(parts[3][-1]) - 1}.{kind}.{parts[4]}']
    ours.load_state_dict(state)
    image = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        expected = theirs(image, output_hidden_states=True).hidden_states[-4:]
        for found, each in zip(ours(image), expected, strict=True):
            torch.testing.assert_close(found, each, atol=1e-4, rtol=1e-4)


def test_taps_are_the_first_blocks(tiny):
    encoder = make_encoder(tiny).eval()
    image = torch.randn(1, 3, 64, 96)
    maps = encoder(image)
    features = encoder.pool(torch.relu(encoder.bn1(encoder.conv1(image))))
    for stage, tap in zip(encoder.stages, maps, strict=False):
        torch.testing.assert_close(tap, stage[0](features))
        features = stage(features)
    torch.testing.assert_close(maps[-1], features)


def test_the_release_strides_in_the_first_convolution(tiny):
    blocks = [make_encoder(replace(tiny, encoder=name)).stages[1][0]
              for name in ('torchvision', 'fcrn')]
    assert [(each.conv1.stride[0], each.conv2.stride[0]) for each in blocks] == [(1, 2), (2, 1)]
