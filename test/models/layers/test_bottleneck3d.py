from __future__ import annotations

import pytest
import torch

from ssc_ros.models.layers.bottleneck3d import Bottleneck3D, Downsample, Process, Upsample


def _randomized(module: torch.nn.Module) -> torch.nn.Module:
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.normal_(0.3 if name.endswith('var') else 0.0, 0.3).abs_()
    return module.eval()


def test_stride_one_follows_the_published_equation():
    block = _randomized(Bottleneck3D(4, 2, 4, dilation=2))
    volume = torch.randn(1, 4, 5, 6, 7)

    def norm(index: int, value: torch.Tensor) -> torch.Tensor:
        return block.axis_norms[index](value)

    a1 = torch.relu(block.reduce_norm(block.reduce(volume)))
    a2 = norm(0, block.axis_convs[0](a1))
    a3 = norm(1, block.axis_convs[1](torch.relu(a2))) + a2
    a4 = norm(2, block.axis_convs[2](torch.relu(a3))) + a2 + a3
    expected = torch.relu(block.expand_norm(block.expand(torch.relu(a4))) + volume)
    torch.testing.assert_close(block(volume), expected)


@pytest.mark.parametrize(('layer', 'axis'), [(0, 4), (1, 3), (2, 2)])
def test_each_one_dimensional_kernel_looks_along_its_own_axis(layer, axis):
    conv = Bottleneck3D(1, 1, 1, dilation=3).axis_convs[layer]
    torch.nn.init.ones_(conv.weight)
    impulse = torch.zeros(1, 1, 9, 9, 9)
    impulse[0, 0, 4, 4, 4] = 1.0
    touched = conv(impulse).nonzero()
    assert sorted(touched[:, axis].tolist()) == [1, 4, 7]
    others = [other for other in (2, 3, 4) if other != axis]
    assert (touched[:, others] == 4).all()


def test_downsampling_halves_every_axis_and_doubles_the_channels():
    assert Downsample(8)(torch.randn(1, 8, 4, 6, 2)).shape == (1, 16, 2, 3, 1)


def test_a_stride_of_three_divides_every_axis():
    assert Bottleneck3D(8, 4, 8, stride=3)(torch.randn(2, 8, 9, 3, 6)).shape == (2, 8, 3, 1, 2)


@pytest.mark.parametrize(('stride', 'shape'), [(2, (1, 4, 6, 4, 2)), (1, (1, 4, 3, 2, 1))])
def test_upsampling_multiplies_every_axis_by_its_stride(stride, shape):
    assert Upsample(8, 4, stride=stride)(torch.randn(1, 8, 3, 2, 1)).shape == shape


def test_unused_branches_change_the_parameters_but_not_the_result():
    lean, official = Process(8).eval(), Process(8, keeps_unused=True).eval()
    missing, unexpected = official.load_state_dict(lean.state_dict(), strict=False)
    assert missing and not unexpected
    assert all('.pool_' in name for name in missing)
    volume = torch.randn(1, 8, 4, 4, 4)
    torch.testing.assert_close(lean(volume), official(volume))


@pytest.mark.parametrize(('out_channels', 'stride'), [(8, 1), (4, 0)])
def test_impossible_strides_are_refused(out_channels, stride):
    with pytest.raises(ValueError, match=f'stride {stride}'):
        Bottleneck3D(4, 2, out_channels, stride=stride)
