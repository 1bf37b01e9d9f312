from __future__ import annotations

import pytest
import torch

from ssc_ros.models.occdepth.context_prior import ContextPrior


@pytest.mark.parametrize(('shape', 'cells'), [
    ((32, 32, 4), 512), ((15, 9, 15), 196), ((30, 12, 30), 1350), ((15, 6, 15), 147)])
def test_mega_cells_are_blocks_of_two_without_odd_trailing_slices(shape, cells):
    with torch.device('meta'):
        layer = ContextPrior(4, shape)
        refined, logits = layer(torch.empty(2, 4, *shape))
    assert layer.num_cells == cells
    assert refined.shape == (2, 4, *shape)
    assert logits.shape == (2, 4, cells, shape[0] * shape[1] * shape[2])


def test_unrelated_cells_contribute_nothing():
    layer = ContextPrior(4, (4, 4, 2)).eval()
    for relation in layer.relations:
        torch.nn.init.constant_(relation.bias, -1e4)
        torch.nn.init.zeros_(relation.weight)
    volume = torch.randn(1, 4, 4, 4, 2)
    alone = layer.reduce.weight[:, :4]
    expected = layer.refine(torch.nn.functional.conv3d(volume, alone))
    torch.testing.assert_close(layer(volume)[0], expected)
