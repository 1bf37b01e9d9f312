"""Our network against figures that the official one computed from the same weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
import torch

from ssc_ros.models.ammnet.discriminator import Discriminator
from ssc_ros.models.ammnet.inputs import AmmnetInputs
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.presets import load_preset
from ssc_ros.models.layers.projection import pixel_of_voxel_from
from ssc_ros.weights.convert.ammnet import translate_names

GRID, IMAGE = (20, 12, 20), (96, 128)
TOLERANCE = 2e-5
# Mean, mean magnitude, maximum and minimum.
STATISTICS: Mapping[str, tuple[float, ...]] = {
    'c1': (0.012282, 0.807715, 3.900296, -4.203795),
    'c2': (-0.006486, 0.795717, 3.541272, -3.890691),
    'c3': (-0.006779, 0.806151, 3.566767, -3.072431),
    'c4': (-0.004805, 0.808115, 3.015610, -3.900842),
    'feature2d': (0.414636, 0.414636, 4.384388, 0.0),
    'semantic2d': (0.014231, 0.401220, 1.482103, -1.657771),
    'tsdf': (0.139494, 0.139494, 2.495605, 0.0),
    'projected': (0.025823, 0.025823, 3.560759, 0.0),
    'filled': (0.044821, 0.044821, 3.560759, 0.0),
    'modulated': (0.085157, 0.243763, 5.354150, -1.705615),
    'lower': (0.064629, 0.064629, 0.708532, 0.0),
    'raised': (0.042436, 0.042436, 0.406156, 0.0),
    'pred3d': (-0.011249, 0.452556, 3.395766, -2.234230),
    'baseline': (-0.019634, 0.196106, 1.390720, -0.979057),
}
# Tensor: index, values along the channels.
POINTS = (
    ('c1', (0, 0), (0.34225, -1.66877, 0.64148, 0.92711)),
    ('c2', (0, 0), (0.76472, -0.14940, 0.20682, 1.35278)),
    ('c3', (0, 0), (-1.05157, 2.41107, -0.02571, -1.82185)),
    ('c4', (0, 0), (-0.68468, -1.20868, -0.54923, 2.23458)),
    ('feature2d', (0, 0), (1.73354, 0, 0.04347, 0, 0, 0)),
    ('tsdf', (0, 0, 0), (0.06457, 0, 0.03492, 0.24881, 0, 0.19322)),
    ('tsdf', (10, 6, 10), (0, 0, 0, 0.38159, 0.22766, 0)),
    ('semantic2d', (0, 0), (
        0.46239, 0.66458, 0.26371, 0.77500, -0.03563, -0.90696, -0.65438, -0.19116, -0.52021,
        -0.38098, 0.39834, 0.48761)),
    ('semantic2d', (95, 127), (
        -0.31947, -0.23827, -0.52949, -0.48141, -0.95661, -0.10904, -0.38849, 0.79547, -0.40453,
        0.32583, 0.27714, 0.28341)),
    ('pred3d', (0, 0, 0), (
        0.17255, -0.38218, 0.52010, 0.52333, -0.40879, -0.25585, -0.00979, -0.01048, -0.48797,
        -0.36116, 0.10533, -0.09708)),
    ('pred3d', (10, 6, 10), (
        -0.04626, -0.70922, 0.41262, 0.74883, -0.88854, -0.48021, -0.08471, -0.14359, -0.79455,
        -0.34780, 0.38769, -0.04401)),
    ('pred3d', (19, 11, 19), (
        0.34130, -0.33001, 0.68531, 0.31836, 0.29609, -0.26074, -0.00755, 0.43588, -0.12443,
        -0.10200, 0.22888, -0.32845)),
    ('baseline', (10, 6, 10), (
        -0.11027, -0.28799, 0.22360, 0.18750, -0.34177, -0.11552, 0.03016, -0.10188, -0.49717,
        -0.17060, 0.22182, -0.15116)),
)
LABEL_HISTOGRAM = [447, 2, 2208, 453, 98, 85, 574, 546, 0, 354, 6, 27]
# Parameters and state-dict tensors of the official modules.
COUNTS = {
    'encoder': (24_196_288, 332), 'head': (528_908, 16), 'TSDFNet': (7_381_399, 428),
    'complete': (13_022_604, 546), 'disc': (1_313_601, 215)}


def small_inputs(official) -> AmmnetInputs:
    """Return the inputs that the figures belong to: legal, and 27 times smaller."""
    voxel_of_pixel = torch.full((1, IMAGE[0] * IMAGE[1]), -1)
    index = torch.arange(300)
    voxel_of_pixel[0, (37 * index + 11) % 12288] = (13 * index + 5) % 4800
    return AmmnetInputs(
        (4 * official.uniform('img', 1, 3, *IMAGE)).float(), None,
        (2 * official.uniform('tsdf', 1, 1, *GRID)).float(),
        pixel_of_voxel_from(voxel_of_pixel.view(1, *IMAGE), 4800))


@pytest.fixture(scope='module')
def network(official) -> AmmnetNetwork:
    network = AmmnetNetwork(load_preset('ammnet')).eval()
    official.fill(network)
    return network


@pytest.fixture(scope='module')
def tensors(network, official) -> Iterator[dict[str, torch.Tensor]]:
    found: dict[str, torch.Tensor] = {}
    modules = {
        'maps': network.image.encoder, 'feature2d': network.image.head, 'filled': network.image,
        'tsdf': network.tsdf, 'modulated': network.decoder.fusions['1'],
        'lower': network.decoder.lower_depth, 'raised': network.decoder.raise_depth}
    hooks = [module.register_forward_hook(
        lambda _, inputs, output, name=name: found.update({name: output}))
        for name, module in modules.items()]
    inputs = small_inputs(official)
    baseline = AmmnetNetwork(replace(load_preset('baseline'))).eval()
    official.fill(baseline)
    with torch.inference_mode():
        output = network(inputs)
        found['projected'] = network.image.project(
            found['feature2d'], inputs.pixel_of_voxel, IMAGE, GRID)
        found['baseline'] = baseline(inputs).ssc_logits
    for hook in hooks:
        hook.remove()
    found.update({f'c{scale + 1}': each for scale, each in enumerate(found.pop('maps'))})
    found['filled'], found['tsdf'] = found['filled'][0], found['tsdf'][0]
    found['semantic2d'], found['pred3d'] = output.semantic2d_logits, output.ssc_logits
    return found


@pytest.mark.parametrize('name', STATISTICS)
def test_statistics_of_every_stage_are_the_official_ones(tensors, name):
    tensor = tensors[name].double()
    found = tensor.mean(), tensor.abs().mean(), tensor.max(), tensor.min()
    torch.testing.assert_close(
        torch.stack(found), torch.tensor(STATISTICS[name]).double(), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(('name', 'position', 'values'), POINTS)
def test_values_of_single_elements_are_the_official_ones(tensors, name, position, values):
    found = tensors[name][(0, slice(len(values)), *position)]
    torch.testing.assert_close(found, torch.tensor(values).float(), atol=TOLERANCE, rtol=0)


def test_labels_are_the_official_ones(tensors):
    labels = tensors['pred3d'].argmax(1).flatten()
    assert torch.bincount(labels, minlength=12).tolist() == LABEL_HISTOGRAM


def test_every_mapped_voxel_gets_its_pixel(tensors):
    assert int((tensors['projected'] != 0).any(1).sum()) == 300


def test_the_discriminator_judges_as_the_official_one(official):
    discriminator = Discriminator(load_preset('ammnet')).eval()
    official.fill(discriminator, 'discriminator.')
    scores = official.uniform('disc_in', 1, 12, 60, 36, 60).float()
    with torch.inference_mode():
        logit = discriminator(scores)
    torch.testing.assert_close(logit.item(), -0.138063, atol=TOLERANCE, rtol=0)


def test_parameters_and_tensors_are_as_many_as_in_every_official_module():
    with torch.device('meta'):
        network = AmmnetNetwork(load_preset('ammnet'))
        discriminator = Discriminator(load_preset('ammnet'))
    modules = {
        'encoder': network.image.encoder, 'head': network.image.head, 'TSDFNet': network.tsdf,
        'complete': network.decoder, 'disc': discriminator}
    found = {
        name: (sum(value.numel() for value in module.parameters()), len(module.state_dict()))
        for name, module in modules.items()}
    assert found == COUNTS


def test_parts_have_the_official_parameter_counts():
    with torch.device('meta'):
        network = AmmnetNetwork(load_preset('ammnet'))
        discriminator = Discriminator(load_preset('ammnet'))
        baseline = AmmnetNetwork(load_preset('baseline'))

    def count(*modules: torch.nn.Module) -> int:
        return sum(value.numel() for module in modules for value in module.parameters())

    decoder, tsdf = network.decoder, network.tsdf
    assert count(decoder.encode_middle) == count(tsdf.encode_middle) == 399_360
    assert count(decoder.encode_coarse) == count(tsdf.encode_coarse) == 1_223_808
    assert count(decoder.up_middle, decoder.up_full, decoder.classify) == 5_313_036
    assert count(decoder.lower_depth) == 3_921_408
    assert count(decoder.raise_depth) == 1_770_240
    assert {count(part) for fusion in decoder.fusions.values()
            for part in (fusion.scale, fusion.shift)} == {65_792}
    assert count(tsdf.stem) == 448_279
    assert count(tsdf.up_middle, tsdf.up_full) == 5_309_952
    assert [count(block) for block in discriminator.blocks] == [9_696, 15_072, 37_824, 21_184]
    assert count(discriminator.embed) == 1_228_928
    assert count(network, discriminator) == 46_442_800
    assert count(baseline) == 39_042_799
    trainable = [value for value in network.parameters() if value.requires_grad]
    assert sum(value.numel() for value in trainable) + 1_313_601 == 22_246_512


def test_every_official_name_has_one_of_ours_and_none_is_left(official):
    names = [name for names in official.OFFICIAL_NAMES.values() for name in names]
    with torch.device('meta'):
        network = AmmnetNetwork(load_preset('ammnet')).state_dict()
        discriminator = Discriminator(load_preset('ammnet')).state_dict()
    assert len(names) == 1537
    assert set(translate_names(names).values()) == {
        *network, *(f'discriminator.{name}' for name in discriminator)}


def test_the_filling_formula_is_the_published_one(official):
    assert official.uniform('img', 4).tolist() == pytest.approx(
        [0.07022456, 0.35190488, 0.45926406, 0.28827728], abs=1e-8)
    assert official.uniform('encoder.patch_embed1.proj.weight', 3).tolist() == pytest.approx(
        [0.20236842, 0.38657755, 0.10540687], abs=1e-8)
