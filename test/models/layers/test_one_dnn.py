"""oneDNN computes what torch does, for inputs that torch would not give it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from ssc_ros.models.execution import Execution
from ssc_ros.models.layers.one_dnn import OneDnnConv3d

OPTIONS = [
    {'padding': 1}, {'padding': 2, 'dilation': 2}, {'stride': 2, 'bias': False},
    {'padding': (1, 0, 2), 'groups': 2}]


def accelerated(network: nn.Module, dtype: torch.dtype = torch.float32) -> nn.Module:
    return Execution(torch.device('cpu'), dtype).accelerate(network)


@pytest.mark.parametrize('options', OPTIONS)
def test_values_are_those_of_torch(options):
    torch.manual_seed(0)
    convolution = nn.Conv3d(4, 6, 3, **options)
    volume = torch.randn(1, 4, 8, 9, 10)
    expected = convolution(volume)
    network = accelerated(nn.Sequential(convolution))
    assert isinstance(network[0], OneDnnConv3d)
    with torch.inference_mode():
        torch.testing.assert_close(network(volume), expected)


def test_the_slow_kernel_is_never_called():
    network = nn.Sequential(nn.Conv3d(8, 8, 3, padding=1))
    volume = torch.randn(1, 8, 16, 16, 16)

    def kernels(module: nn.Module) -> set[str]:
        with torch.inference_mode(), profile(activities=[ProfilerActivity.CPU]) as record:
            module(volume)
        return {event.key for event in record.key_averages()}

    assert 'aten::slow_conv3d_forward' in kernels(network)  # else this module can go
    assert 'aten::slow_conv3d_forward' not in kernels(accelerated(network))


def test_other_number_formats_and_paddings_stay_with_torch():
    assert type(accelerated(nn.Conv3d(1, 1, 1), torch.bfloat16)) is nn.Conv3d
    for options in ({'padding': 'same'}, {'padding': 1, 'padding_mode': 'replicate'}):
        assert type(accelerated(nn.Conv3d(2, 2, 3, **options))) is nn.Conv3d
