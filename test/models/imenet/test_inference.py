"""The rearranged network answers as the plain one does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ssc_ros.models.imenet.inference import HalvingConvolution, fast_sscnet, optimized
from ssc_ros.models.imenet.segmentation import Seg2DNet
from ssc_ros.models.imenet.sscnet import SSCNet

NETWORKS = [
    {}, {'voxel_network': 'sscnet', 'tsdf_subdivision': 4}, {'image_network': 'labels'},
    {'voxel_network': 'sketch', 'sketch_encoder': 'lite0'},
    {'image_network': 'none', 'has_dcp2d': False}, {'voxel_network': 'none', 'has_dda': False}]


def unsettle(network: nn.Module) -> None:
    """Give batch norms statistics that folding can get wrong."""
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)


def varied(network: SSCNet) -> SSCNet:
    """Draw weights with which many labels occur."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, nonlinearity='relu')
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.2)
    return network.eval()


@pytest.mark.parametrize('changes', NETWORKS, ids=str)
def test_scores_are_those_of_the_network_it_was_made_of(build, frame, changes) -> None:
    network = build(**changes)
    unsettle(network)
    fast = optimized(network)
    assert not any(isinstance(each, (nn.BatchNorm2d, nn.BatchNorm3d)) for each in fast.modules())
    inputs = frame(network.config)
    with torch.inference_mode():
        expected, found = network.run(inputs, 0).final, fast.run(inputs, 0).final
    for name in ('f2d', 'f3d'):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('changes', NETWORKS, ids=str)
def test_half_the_bits_give_float32_scores(build, frame, changes) -> None:
    network = build(**changes)
    inputs = frame(network.config)
    with torch.inference_mode():
        answer = optimized(network, torch.bfloat16).run(inputs, 1).final
    for scores in (answer.f2d, answer.f3d):
        assert scores is None or (scores.dtype == torch.float32 and scores.isfinite().all())


def test_the_network_itself_stays_as_it_is(build) -> None:
    network = build(voxel_network='sscnet', tsdf_subdivision=4)
    optimized(network, torch.bfloat16)
    assert isinstance(network.voxel, SSCNet)
    assert all(each.dtype == torch.float32 and each.requires_grad
               for each in network.parameters())
    assert not any(module._forward_pre_hooks for module in network.modules())


@pytest.mark.parametrize('shape', [(2, 2, 2), (8, 4, 6), (10, 12, 2)])
def test_blocks_as_channels_are_the_same_convolution(shape) -> None:
    torch.manual_seed(0)
    plain = nn.Conv3d(1, 3, 7, stride=2, padding=3).double()
    volume = torch.randn(2, 1, *shape, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(
            HalvingConvolution(plain)(volume), plain(volume), rtol=1e-12, atol=1e-12)


def test_sscnet_computes_the_same_in_single_precision() -> None:
    torch.manual_seed(0)
    plain = varied(SSCNet(width=16))
    tsdf = torch.randn(2, 1, 32, 16, 48)
    with torch.inference_mode():
        torch.testing.assert_close(
            fast_sscnet(plain, torch.float32)(tsdf), plain(tsdf), rtol=1e-4, atol=1e-4)


def test_sscnet_gives_nearly_all_voxels_the_same_label_in_bfloat16() -> None:
    torch.manual_seed(0)
    plain = varied(SSCNet())
    tsdf = torch.randn(1, 1, 32, 16, 32).clamp(-1, 1)
    with torch.inference_mode():
        expected = plain(tsdf).argmax(1)
        found = fast_sscnet(plain, torch.bfloat16)(tsdf).argmax(1)
    assert len(expected.unique()) >= 4
    assert (expected == found).float().mean() > 0.95


@pytest.mark.slow
def test_seg2dnet_computes_the_same_when_folded(build) -> None:
    torch.manual_seed(0)
    network = build(image_network='labels', has_dcp2d=False)
    network.image = Seg2DNet().eval()
    unsettle(network)
    image = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        expected = network.image(image)
        found = optimized(network).image(image)
    torch.testing.assert_close(
        found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
