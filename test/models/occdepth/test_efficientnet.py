from __future__ import annotations

import pytest
import torch
from torch import nn

from ssc_ros.models.layers.same_padding import SamePadding
from ssc_ros.models.occdepth.efficientnet import EfficientNetEncoder

# Size of each tap: the image, stages 0, 1, 2 and 4, and the head convolution.
SIZES_370X1220 = [(370, 1220), (185, 610), (93, 305), (47, 153), (24, 77), (12, 39)]
SIZES_480X640 = [(480, 640), (240, 320), (120, 160), (60, 80), (30, 40), (15, 20)]


@pytest.fixture(scope='module')
def b0() -> EfficientNetEncoder:
    return EfficientNetEncoder('efficientnet-b0').eval()


@pytest.mark.parametrize(('name', 'channels'), [
    ('efficientnet-b3', (3, 24, 32, 48, 136, 1536)),
    ('efficientnet-b4', (3, 24, 32, 56, 160, 1792)),
    ('efficientnet-b5', (3, 24, 40, 64, 176, 2048)),
    ('efficientnet-b7', (3, 32, 48, 80, 224, 2560)),
])
def test_taps_have_the_published_channels(name, channels):
    with torch.device('meta'):
        assert EfficientNetEncoder(name).channels == channels


@pytest.mark.parametrize('sizes', [SIZES_370X1220, SIZES_480X640])
def test_taps_have_the_sizes_of_same_padding(b0, sizes):
    with torch.device('meta'):
        encoder = EfficientNetEncoder('efficientnet-b0').eval()
        taps = encoder(torch.empty(1, 3, *sizes[0]))
    assert [tuple(tap.shape[-2:]) for tap in taps] == sizes


def test_the_unpatched_library_loses_a_row_of_an_odd_image():
    """Shows that the size test bites: 185 rows must become 93, the library makes them 92."""
    from transformers import EfficientNetConfig, EfficientNetModel

    with torch.device('meta'):
        model = EfficientNetModel(EfficientNetConfig(
            width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280))
        states = model(torch.empty(1, 3, 370, 1220), output_hidden_states=True).hidden_states
    assert 92 in [state.shape[-2] for state in states]
    assert 93 not in [state.shape[-2] for state in states]


def _same_convolution(image: torch.Tensor, conv: nn.Conv2d) -> torch.Tensor:
    """Convolve an image padded with zeros far enough, starting where SAME padding starts."""
    kernel, far = conv.kernel_size[0], 8
    padded = torch.nn.functional.pad(image, (far, far, far, far))
    starts = [far - max((-(-size // 2) - 1) * 2 + kernel - size, 0) // 2
              for size in image.shape[-2:]]
    full = torch.nn.functional.conv2d(
        padded[..., starts[0]:, starts[1]:], conv.weight, stride=2, groups=conv.groups)
    return full[..., :-(-image.shape[-2] // 2), :-(-image.shape[-1] // 2)]


@pytest.mark.parametrize('kernel', [3, 5])
@pytest.mark.parametrize('size', [(10, 13), (11, 12), (9, 7)])
def test_dynamic_padding_equals_the_definition_of_same(kernel, size):
    conv = nn.Conv2d(2, 2, kernel, stride=2, groups=2, bias=False)
    image = torch.randn(1, 2, *size)
    torch.testing.assert_close(
        conv(SamePadding(kernel)(image)), _same_convolution(image, conv))


def test_training_settings_are_those_of_the_original_not_of_keras(b0):
    momenta = {module.momentum for module in b0.modules() if isinstance(module, nn.BatchNorm2d)}
    dropouts = {module.p for module in b0.modules() if isinstance(module, nn.Dropout)}
    epsilons = {module.eps for module in b0.modules() if isinstance(module, nn.BatchNorm2d)}
    assert (momenta, dropouts, epsilons) == ({0.1}, {0.0}, {1e-3})


def test_norms_start_at_one_so_that_it_trains_from_scratch(b0):
    assert all((module.weight == 1).all() for module in b0.modules()
               if isinstance(module, nn.BatchNorm2d))


def test_the_last_tap_is_the_head_convolution_before_its_norm(b0):
    image = torch.randn(1, 3, 32, 32)
    before, features = b0(image)[-1], []
    handle = b0.model.encoder.top_conv.register_forward_hook(
        lambda module, given, result: features.append(result))
    b0(image)
    handle.remove()
    torch.testing.assert_close(before, features[0])
