"""3D convolutions of single volumes on CPUs, by the library that is fast at them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssc_ros.models.layers.exporting import is_exporting


class OneDnnConv3d(nn.Conv3d):
    """A float32 convolution on a CPU that oneDNN computes whatever the size of its input."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what ``nn.Conv3d`` does."""
        if is_exporting():
            return super().forward(input)
        assert not isinstance(self.padding, str)
        return torch.mkldnn_convolution(
            input, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups)


def use_one_dnn(network: nn.Module) -> None:
    """
    Let oneDNN compute the 3D convolutions of a float32 network on a CPU.

    torch leaves those of one volume to a kernel of its own, up to six times slower, where batch x
    channels x depth x height is at most 20480: its rule was made for images.
    """
    if not torch.backends.mkldnn.is_available():
        return
    for module in network.modules():
        if type(module) is nn.Conv3d and module.padding_mode == 'zeros' and not isinstance(
                module.padding, str):
            module.__class__ = OneDnnConv3d
