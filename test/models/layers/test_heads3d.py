from __future__ import annotations

import pytest
import torch

from ssc_ros.models.layers.heads3d import CascadeHead, ClassHead


@pytest.mark.parametrize('trunk', ['aspp', 'separable'])
def test_plain_head_returns_one_score_per_class_and_voxel(trunk):
    assert ClassHead(8, 12, trunk)(torch.randn(2, 8, 4, 3, 4)).shape == (2, 12, 4, 3, 4)


def test_cascade_head_classifies_with_its_own_softmaxed_occupancy():
    head = CascadeHead(4, 5).eval()
    volume = torch.randn(1, 4, 3, 3, 3)
    classes, occupancy = head(volume)
    assert occupancy.shape == (1, 2, 3, 3, 3)
    known = torch.cat([head.trunk(volume), torch.softmax(occupancy, dim=1)], dim=1)
    torch.testing.assert_close(classes, head.classify(known))
