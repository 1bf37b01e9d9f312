"""Tests of volumes continued beyond their sides, and of what can be seen there."""

from __future__ import annotations

import pytest
import torch

from ssc_ros.models.s4r.rendering import raycast
from training.systems.s4r_border import moved_by, with_border

SIZE = 12
INTRINSICS = torch.tensor([[10.0, 10.0, 9.5, 7.5]])


def plane(normal: tuple[float, float, float], offset: float) -> torch.Tensor:
    """Return the (1, Z, Y, X) distances from a plane; the normal is z, y, x."""
    axis = torch.arange(SIZE, dtype=torch.float32)
    z, y, x = torch.meshgrid(axis, axis, axis, indexing='ij')
    return (normal[0] * z + normal[1] * y + normal[2] * x + offset)[None]


def looking_up() -> torch.Tensor:
    """Return a camera in the middle of the volume, which has voxels of 4 cm."""
    pose = torch.diag(torch.tensor([25.0, -25.0, 25.0, 1.0]))
    pose[:3, 3] = torch.tensor([5.5, 5.5, 1.0])
    return pose[None]


def test_a_plane_goes_on_as_a_plane():
    grown, valid, features = with_border(
        plane((-0.8, 0.0, 0.6), 4.0), torch.ones(1, SIZE, SIZE, SIZE, dtype=torch.bool),
        torch.ones(1, 2, SIZE, SIZE, SIZE), 2)
    axis = torch.arange(-2, SIZE + 2, dtype=torch.float32)
    expected = -0.8 * axis[:, None, None] + 0.6 * axis + 4
    assert torch.allclose(grown[0], expected.expand(SIZE + 4, SIZE + 4, SIZE + 4), atol=1e-5)
    assert torch.equal(valid, grown.abs() < 3)
    assert features.shape == (1, 2, SIZE + 4, SIZE + 4, SIZE + 4)


@pytest.mark.parametrize(('border', 'sees'), [(0, False), (2, True)])
def test_a_ceiling_in_the_top_layer_is_seen_with_a_border_alone(border: int, sees: bool):
    distances = plane((-1, 0, 0), SIZE - 1.2)
    classes = torch.ones(1, 1, SIZE, SIZE, SIZE, requires_grad=True)
    # The middle of the top layer: its zero lies just below it.
    volumes = with_border(distances, distances.abs() < 3, classes, border)
    shown = raycast(*volumes, T_grid_camera=moved_by(looking_up(), border),
                    intrinsics=INTRINSICS, size=(16, 20))
    assert bool(shown.hit[0, 8, 10]) == sees
    if sees:
        assert shown.depth_m[0, 8, 10].item() == pytest.approx((SIZE - 1.2 - 1) * 0.04, abs=1e-4)
        shown.features.sum().backward()
        assert classes.grad is not None
        assert classes.grad[0, 0, -2:].sum() > 0


def test_no_border_changes_nothing():
    volumes = (plane((-1, 0, 0), 5), torch.ones(1, 12, 12, 12, dtype=torch.bool),
               torch.ones(1, 1, 12, 12, 12))
    assert all(one is other for one, other in zip(with_border(*volumes, 0), volumes, strict=True))
