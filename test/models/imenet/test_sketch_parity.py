"""Our 3D-Sketch against figures that the official one computed from the same weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from ssc_ros.models.imenet.presets import load_preset
from ssc_ros.models.imenet.sketch import SketchSSC
from ssc_ros.models.layers.projection import pixel_of_voxel_from
from ssc_ros.weights.convert.sketch import translate_names

GRID, IMAGE = (20, 12, 20), (96, 128)
TOLERANCE = 2e-5
# Mean, mean magnitude, maximum and minimum.
STATISTICS: Mapping[str, tuple[float, ...]] = {
    'scores': (-0.024024, 0.179495, 1.403139, -1.187903),
    'raw': (0.042151, 0.121778, 0.514165, -0.561150),
    'prior': (0.082906, 0.088648, 0.354484, -0.097642),
}
# Tensor: index, values along the channels.
POINTS = (
    ('scores', (0, 0, 0), (
        0.03657, 0.07291, 0.06188, 0.04340, -0.02398, 0.01944, -0.05816, -0.14732, 0.00094,
        -0.01312, -0.21313, -0.14211)),
    ('scores', (10, 6, 10), (
        0.00218, 0.00044, 0.11284, 0.15461, 0.05596, 0.06795, 0.01463, -0.20258, -0.13914,
        -0.06895, -0.24703, -0.31719)),
    ('scores', (19, 11, 19), (
        -0.13460, -0.08083, 0.14778, 0.01831, 0.00102, 0.04743, 0.04775, -0.24160, -0.13272,
        0.02372, -0.11087, -0.03361)),
    ('prior', (0, 0, 0), (0.04775, 0.08405)),
    ('prior', (10, 6, 10), (0.07887, 0.10630)),
    ('prior', (19, 11, 19), (0.00275, 0.11038)),
)
SKETCH_HISTOGRAM = [524, 4276]


@pytest.fixture(scope='module')
def tensors(official, sketch_names) -> dict[str, torch.Tensor]:
    """Return scores and sketches of the inputs that the figures belong to."""
    network = SketchSSC(replace(load_preset('sketch'), grid_shape=GRID, image_size=IMAGE)).eval()
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    network.load_state_dict({ours: official.weight(name, shapes[ours])
                             for name, ours in translate_names(sketch_names).items()})
    noise = network.stage1.prior.noise
    noise.copy_(4 * official.uniform('noise', *noise.shape))
    voxel_of_pixel = torch.full((1, IMAGE[0] * IMAGE[1]), -1)
    index = torch.arange(300)
    voxel_of_pixel[0, (37 * index + 11) % 12288] = (13 * index + 5) % 4800
    with torch.inference_mode():
        scores, sketches = network(
            (2 * official.uniform('tsdf', 1, 1, *GRID)).float(),
            (4 * official.uniform('img', 1, 3, *IMAGE)).float(),
            pixel_of_voxel_from(voxel_of_pixel.view(1, *IMAGE), 4800))
    return {'scores': scores[0], 'raw': sketches.raw_logits[0], 'prior': sketches.prior_logits[0]}


@pytest.mark.parametrize('name', STATISTICS)
def test_statistics_of_tensors_are_those_of_the_official_network(tensors, name) -> None:
    tensor = tensors[name]
    found = torch.stack([tensor.mean(), tensor.abs().mean(), tensor.max(), tensor.min()])
    torch.testing.assert_close(
        found, torch.tensor(STATISTICS[name]), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize(('name', 'place', 'values'), POINTS)
def test_single_voxels_are_those_of_the_official_network(tensors, name, place, values) -> None:
    x, y, z = place
    torch.testing.assert_close(
        tensors[name][:, x, y, z], torch.tensor(values), rtol=TOLERANCE, atol=TOLERANCE)


def test_the_first_sketch_is_that_of_the_official_network(tensors) -> None:
    assert torch.bincount(tensors['raw'].argmax(0).flatten()).tolist() == SKETCH_HISTOGRAM
