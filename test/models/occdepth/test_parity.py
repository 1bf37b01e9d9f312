"""
Whole networks against statistics measured on the official modules.

The weights are drawn from the official tensor names and go through the converter, so that a
wrong name, a wrong layer and a wrong equation all show.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from ssc_ros.models.occdepth.inputs import OccDepthInputs, OccDepthOutput, build_tables
from ssc_ros.models.occdepth.network import OccDepthNetwork
from ssc_ros.models.occdepth.presets import load_preset

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Run(NamedTuple):
    """Outputs of one reference run, and the (mean, std) of what happened on the way."""

    output: OccDepthOutput
    volume: Tensor
    statistics: dict[str, tuple[float, float]]


def _summary(values: Tensor) -> tuple[float, float]:
    return values.mean().item(), values.std().item()


def _run(network: OccDepthNetwork, images: Tensor, inputs: OccDepthInputs) -> Run:
    completion, seen = network.completion, {}
    coarse = completion.context_prior or completion.down_coarse
    hooks = [coarse.register_forward_hook(
        lambda module, given, result: seen.update(
            x3=result[0] if isinstance(result, tuple) else result))]
    hooks += [module.register_forward_hook(
        lambda module, given, result, name=name: seen.update({name: result}))
        for name, module in (('middle', completion.down_middle), ('y2', completion.up_middle),
                             ('y1', completion.up_fine))]
    with torch.inference_mode():
        pyramid = network.image_features(images)
        volume, depth_logits = network.lift(pyramid, images, inputs)
        completed = completion(volume)
    for hook in hooks:
        hook.remove()
    seen['y2'], seen['y1'] = seen['y2'] + seen.pop('middle'), seen['y1'] + volume
    seen['ssc'], seen['x3d'] = completed.ssc_logits, volume
    for view in range(images.shape[1]):
        seen.update({f'view {view} 1_{scale}': maps[:, view] for scale, maps in pyramid.items()})
    output = OccDepthOutput(
        completed.ssc_logits, completed.occ_logits, depth_logits, completed.relation_logits)
    return Run(output, volume, {name: _summary(values) for name, values in seen.items()})


@pytest.fixture(scope='module')
def k3(reference) -> Run:
    config = load_preset('k3').with_official_behaviour()
    inputs = build_tables(
        config, reference.KITTI_GRID, reference.kitti_poses(), [reference.KITTI_CAMERA] * 2)
    return _run(reference.reference_network(config), reference.reference_images(config), inputs)


@pytest.fixture(scope='module')
def n4(reference) -> Run:
    config = load_preset('n4').with_official_behaviour()
    rows, columns = torch.meshgrid(torch.arange(480), torch.arange(640), indexing='ij')
    depth_m = (1 + 2 * columns / 639 + rows / 479)[None, None]
    inputs = build_tables(
        config, reference.NYU_GRID, [reference.NYU_T_CAMERA_VOXEL], [reference.NYU_CAMERA])
    return _run(reference.reference_network(config), reference.reference_images(config),
                inputs._replace(depth_m=depth_m))


K3_STATISTICS = {
    'view 0 1_1': (9.219636e-03, 1.383944e-01), 'view 0 1_2': (-3.433549e-02, 1.513003e-01),
    'view 0 1_4': (2.476502e-02, 1.747044e-01), 'view 0 1_8': (4.453016e-02, 2.027839e-01),
    'view 1 1_1': (9.222578e-03, 1.383995e-01), 'view 1 1_8': (4.452999e-02, 2.027842e-01),
    'x3d': (2.873443e-02, 2.781194e-01), 'x3': (5.973607e+01, 8.811274e+01),
    'y2': (1.737954e+01, 2.793666e+01), 'y1': (5.950264e+00, 9.410343e+00),
    'ssc': (3.491844e-01, 2.193327e+00),
}
N4_STATISTICS = {
    'view 0 1_1': (1.470179e-02, 1.469073e-01), 'view 0 1_8': (-1.832710e-02, 1.757705e-01),
    'x3d': (-2.632480e-03, 2.431545e-01), 'x3': (6.535602e-01, 9.428140e-01),
    'y2': (5.572640e-01, 6.008745e-01), 'y1': (1.669442e-01, 3.550609e-01),
    'ssc': (6.767977e-02, 3.244659e-01),
}
K3_COUNTS = (
    71693, 157679, 14969, 1043, 61624, 261785, 608916, 264335, 13496, 51218, 131380, 5161, 0,
    6424, 37, 2504, 336131, 270, 635, 107852)


def _close(found: Tensor, expected: list[float], tolerance: float) -> None:
    torch.testing.assert_close(found, torch.tensor(expected), atol=tolerance, rtol=0)


@pytest.mark.parametrize('name', K3_STATISTICS)
def test_k3_statistics_equal_the_official_ones(k3, name):
    assert k3.statistics[name] == pytest.approx(K3_STATISTICS[name], rel=1e-3)


def test_k3_relation_and_depth_statistics_equal_the_official_ones(k3):
    assert _summary(k3.output.relation_logits) == pytest.approx((-1.020649e-02, 7.783524e-01),
                                                                rel=1e-3)
    depth = k3.output.depth_logits.softmax(2)
    assert _summary(depth) == pytest.approx((9.615385e-03, 3.439881e-03), rel=1e-3)
    cell = depth[0, 0, :, 20, 70]
    _close(cell[:5], [0.0102144, 0.0105047, 0.0066278, 0.0044872, 0.0112042], 1e-5)
    assert (cell.argmax().item(), cell.max().item()) == (47, pytest.approx(0.0222468, abs=1e-5))


def test_k3_voxels_equal_the_official_ones(k3):
    _close(k3.volume[0, :5, 25, 64, 4], [0.09644, -0.38038, 0.09744, 0.06311, 0.36784], 1e-4)
    _close(k3.volume[0, :5, 50, 40, 3], [0.13454, -0.32081, 0.04815, 0.09477, 0.3377], 1e-4)
    occupancy, classes = k3.output.occ_logits[0], k3.output.ssc_logits[0]
    _close(occupancy[:, 50, 128, 8], [0.7103, -0.5017], 0.02)
    _close(occupancy[:, 200, 60, 20], [3.0710, 0.4285], 0.02)
    _close(classes[:6, 50, 128, 8], [0.7640, 3.7246, 1.8009, -3.0990, 1.2789, 3.6416], 0.02)
    _close(classes[:6, 200, 60, 20], [1.9789, 4.0476, 0.7178, -0.9325, -1.9326, 1.7725], 0.02)


def test_k3_labels_are_counted_as_officially(k3):
    counts = torch.bincount(k3.output.ssc_logits.argmax(1).flatten(), minlength=20)
    assert (counts - torch.tensor(K3_COUNTS)).abs().sum() < 0.005 * sum(K3_COUNTS)


@pytest.mark.parametrize('name', N4_STATISTICS)
def test_n4_statistics_equal_the_official_ones(n4, name):
    assert n4.statistics[name] == pytest.approx(N4_STATISTICS[name], rel=1e-3)


def test_n4_voxels_equal_the_official_ones(n4):
    _close(n4.volume[0, :5, 30, 10, 30], [0.28786, -0.50038, 0.36466, 0.16230, -0.03667], 1e-4)
    _close(n4.output.ssc_logits[0, :6, 30, 10, 30],
           [-0.4101, 0.0029, 0.8721, -0.0622, 0.3119, 0.4766], 0.02)
