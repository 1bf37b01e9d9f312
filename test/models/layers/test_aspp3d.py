from __future__ import annotations

import torch

from ssc_ros.models.layers.aspp3d import Aspp3D


def test_sums_its_branches_and_the_input():
    pyramid = Aspp3D(4).eval()
    volume = torch.randn(1, 4, 5, 5, 5)
    expected = torch.relu(volume + sum(branch(volume) for branch in pyramid.branches))
    torch.testing.assert_close(pyramid(volume), expected)


def test_branches_reach_two_steps_of_their_dilation():
    pyramid = Aspp3D(1).eval()
    for conv in (module for module in pyramid.modules() if isinstance(module, torch.nn.Conv3d)):
        torch.nn.init.ones_(conv.weight)
    impulse = torch.zeros(1, 1, 15, 15, 15)
    impulse[0, 0, 7, 7, 7] = 1.0
    for dilation, branch in zip((1, 2, 3), pyramid.branches, strict=True):
        reached = branch(impulse).nonzero()[:, 2]
        assert (reached.min(), reached.max()) == (7 - 2 * dilation, 7 + 2 * dilation)
