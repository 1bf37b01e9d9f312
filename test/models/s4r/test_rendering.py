"""Images of surfaces that are known, of several at once, and what is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from math import degrees
from types import ModuleType

import pytest
import torch

from ssc_ros.models.s4r.rendering import Rendering, class_masks, raycast


@pytest.mark.parametrize('banded', [False, True])
def test_a_sphere_has_the_pixels_and_depths_of_its_equation(
    scenes: ModuleType, banded: bool,
) -> None:
    scene = scenes.sphere(banded=banded)
    rendering = scene.render()
    rays, _ = scene.rays()
    offset = scene.pose[:3, 3] - torch.tensor([32.0, 32.0, 64.0])
    along = rays @ offset
    discriminant = along.square() - offset @ offset + 20 ** 2
    expected = -along - discriminant.clamp(min=0).sqrt()
    facing = -((offset + expected[..., None] * rays) / 20 * rays).sum(-1)
    hit = rendering.hit[0]
    assert int(hit.sum()) == 5592
    assert torch.equal(hit, discriminant > 0)
    error = (scene.distances(rendering) - expected).abs()
    assert error[hit & (facing > 0.3)].mean() < 0.0128 * 1.1
    assert error[hit & (facing > 0.3)].max() < 0.036 * 1.1
    assert error[hit].mean() < 0.016 * 1.1
    assert error[hit].max() < 0.14 * 1.1


@pytest.mark.parametrize('tilt_deg', [0.0, 30.0, 60.0])
@pytest.mark.parametrize('normals', ['trilinear', 'differences'])
def test_a_plane_has_exact_depths_and_normals(
    scenes: ModuleType, tilt_deg: float, normals: str,
) -> None:
    scene, normal, offset = scenes.plane(tilt_deg)
    rendering = scene.render(normals=normals)
    rays, _ = scene.rays()
    expected = (offset - scene.pose[:3, 3] @ normal) / (rays @ normal)
    hit = rendering.hit[0]
    assert hit.sum() > 10_000
    assert (scene.distances(rendering) - expected)[hit].abs().max() < 5e-5
    # Into the matter.
    cosine = rendering.normals_camera[0][hit] @ -normal
    assert degrees(torch.acos(cosine.clamp(max=1).double()).max()) < 0.05


def test_every_ray_inside_a_room_meets_a_wall(scenes: ModuleType) -> None:
    scene = scenes.room()
    rendering = scene.render()
    rays, _ = scene.rays()
    middle = torch.tensor([31.5, 31.5, 40.0])
    walls = torch.stack([middle - 28.5, middle + 28.5])[:, None, None]
    expected = ((walls - scene.pose[:3, 3]) / rays).amax(0).amin(-1)
    error = (scene.distances(rendering) - expected).abs()
    assert rendering.hit.all()
    assert error.mean() < 0.0015 * 1.5
    assert error.flatten().kthvalue(round(0.99 * error.numel())).values < 0.051 * 1.1
    assert error.max() < 0.4 * 1.1


def test_features_are_those_of_the_hit_and_nearest_ones_those_of_a_voxel(
    scenes: ModuleType,
) -> None:
    scene = scenes.sphere()
    z, y, x = scene.grid()
    positions = torch.stack([x, y, z])
    rays, _ = scene.rays()
    near, smooth = (scene.render(positions, gather=kind) for kind in ('nearest', 'trilinear'))
    hit = near.hit[0]
    expected = scene.pose[:3, 3] + scene.distances(smooth)[..., None] * rays
    assert (smooth.features[0].movedim(0, -1) - expected)[hit].abs().max() < 1e-3
    assert torch.equal(near.features[0], near.features[0].round())
    assert (near.features[0].movedim(0, -1) - expected)[hit].abs().max() < 0.501
    _, height, width = scene.sdf.shape
    voxel = near.voxels[0][hit]
    rows = torch.stack([voxel % width, voxel // width % height, voxel // (width * height)], 1)
    assert torch.equal(rows.float(), near.features[0].movedim(0, -1)[hit])


def test_pixels_without_a_surface_are_zero(scenes: ModuleType) -> None:
    scene = scenes.sphere()
    rendering = scene.render(torch.ones(1, *scene.sdf.shape))
    misses = ~rendering.hit
    assert misses.any()
    assert not rendering.depth_m[misses].any()
    assert not rendering.normals_camera[misses].any()
    torch.testing.assert_close(rendering.features[:, 0], rendering.hit.float())
    assert (rendering.voxels[misses] == -1).all()
    assert (rendering.voxels[rendering.hit] >= 0).all()


def test_a_ray_enters_the_box_where_it_begins(scenes: ModuleType) -> None:
    scene = scenes.sphere()
    entry = scene.render().entry_depth_m[0]
    # The nearest side is 70 voxels ahead, the corners of the image pass by the box.
    assert entry[127, 159] == pytest.approx(70 * scenes.VOXEL_M, abs=1e-5)
    assert torch.isinf(entry[0, 0])
    assert not scenes.room().render().entry_depth_m.any()


def test_a_back_face_is_seen_only_when_asked_for(scenes: ModuleType) -> None:
    scene, _, _ = scenes.plane(0.0)
    behind = replace(scene, sdf=-scene.sdf)
    assert scene.render().hit.any()
    assert not behind.render().hit.any()
    both = behind.render(front_only=False)
    assert torch.equal(both.hit, scene.render().hit)
    assert torch.equal(both.depth_m, scene.render().depth_m)


def test_the_first_surface_hides_the_second(scenes: ModuleType) -> None:
    z, _, _ = scenes.grid((40, 8, 8))
    # Slabs of matter from 10 to 15 and from 25 on.
    sdf = torch.where(z < 20, (z - 12.5).abs() - 2.5, 25 - z)
    scene = replace(scenes.scene_of(sdf, scenes.pose((3.5, 3.5, 2.0))), size=(3, 3),
                    intrinsics=torch.tensor([90.0, 90.0, 1.0, 1.0]))
    assert scene.render(nearest_m=0.01).depth_m[0, 1, 1] == pytest.approx(8 * scenes.VOXEL_M)
    # From within the first slab, the second.
    ahead = scene.render(nearest_m=0.22)
    assert ahead.depth_m[0, 1, 1] == pytest.approx(23 * scenes.VOXEL_M)


def test_looks_between_the_nearest_and_the_farthest_depth_only(scenes: ModuleType) -> None:
    scene = scenes.sphere()
    assert scene.render().depth_m.amax() > 2.35
    near = scene.render(farthest_m=2.35)
    assert 0 < near.hit.sum() < 5592
    assert near.depth_m.amax() <= 2.35
    assert not scene.render(nearest_m=3.0).hit.any()


def test_an_invalid_corner_makes_a_hole(scenes: ModuleType) -> None:
    scene, _, _ = scenes.plane(0.0)
    valid = scene.valid.clone()
    valid[64, 32, 32] = False
    holed = replace(scene, valid=valid).render(gather='nearest')
    whole = scene.render(gather='nearest')
    lost = whole.hit & ~holed.hit
    assert lost.any()
    assert not (holed.hit & ~whole.hit).any()
    positions = torch.stack(scene.grid())
    cells = scene.render(positions).features[:, 1:].movedim(1, -1)[lost]
    assert ((cells - 32).abs() < 1 + 1e-4).all()


def test_a_batch_is_its_scenes_one_by_one(scenes: ModuleType) -> None:
    one, other = scenes.sphere(), scenes.room()
    features = torch.rand(2, *scenes.CHUNK)
    together = scenes.render([one, other], features)
    for index, scene in enumerate((one, other)):
        alone = scene.render(features)
        for field in fields(Rendering):
            assert torch.equal(
                getattr(together, field.name)[index], getattr(alone, field.name)[0])


def test_the_size_of_blocks_does_not_matter(scenes: ModuleType) -> None:
    scene = scenes.noisy_sphere((20, 20, 20), size=(24, 24), radius=6.0, noise=1.0)
    whole, parts = (scene.render(rays_per_block=rays) for rays in (16384, 7))
    assert torch.equal(whole.depth_m, parts.depth_m)
    assert whole.hit.any()


def test_a_mirrored_volume_gives_the_same_depths_and_normals(scenes: ModuleType) -> None:
    scene = scenes.noisy_sphere((20, 20, 20), size=(24, 24), radius=6.0)
    mirror = torch.eye(4, dtype=torch.float64)
    mirror[0, 0], mirror[0, 3] = -1, 19
    mirrored = replace(
        scene, sdf=scene.sdf.flip(2), valid=scene.valid.flip(2), pose=mirror @ scene.pose)
    ours, expected = mirrored.render(), scene.render()
    torch.testing.assert_close(ours.depth_m, expected.depth_m)
    torch.testing.assert_close(ours.normals_camera, expected.normals_camera)


def test_a_smaller_step_finds_the_same_sphere(scenes: ModuleType) -> None:
    scene = scenes.sphere()
    fine, coarse = scene.render(step_voxels=0.3), scene.render()
    both = fine.hit & coarse.hit
    assert (fine.hit != coarse.hit).sum() <= 4
    assert (fine.depth_m - coarse.depth_m)[both].abs().mean() < 0.005 * scenes.VOXEL_M


def test_half_precision_is_rendered_in_single(scenes: ModuleType) -> None:
    scene = scenes.sphere()
    with torch.autocast('cpu', torch.bfloat16):
        rendering = replace(scene, sdf=scene.sdf.bfloat16()).render(
            torch.ones(1, *scene.sdf.shape, dtype=torch.bfloat16))
    assert rendering.depth_m.dtype == rendering.features.dtype == torch.float32
    assert rendering.hit.any()


def test_class_masks_are_one_hot_where_hit() -> None:
    logits = torch.tensor([[1.0, 5.0, 0.0], [2.0, 3.0, 9.0]]).view(1, 2, 1, 3)
    masks = class_masks(logits, torch.tensor([[[True, True, False]]]))
    assert masks.flatten(1).tolist() == [[0, 1, 0, 1, 0, 0]]


@pytest.mark.parametrize(('change', 'message'), [
    ({'sdf': torch.zeros(1, 4, 4, 1)}, 'at least 2 voxels'),
    ({'valid': torch.ones(1, 4, 4, 5, dtype=torch.bool)}, 'valid is .* must be'),
    ({'valid': torch.ones(1, 4, 4, 4)}, 'pass a bool mask'),
    ({'features': torch.zeros(1, 4, 4, 4)}, 'features is'),
    ({'T_grid_camera': torch.eye(4)}, r'must be \(1, 4, 4\)'),
    ({'T_grid_camera': torch.full((1, 4, 4), -torch.inf)}, 'pose was lost'),
])
def test_says_what_does_not_fit(change: dict[str, torch.Tensor], message: str) -> None:
    arguments = {
        'sdf': torch.zeros(1, 4, 4, 4), 'valid': torch.ones(1, 4, 4, 4, dtype=torch.bool),
        'features': torch.zeros(1, 2, 4, 4, 4), 'T_grid_camera': torch.eye(4)[None],
        'intrinsics': torch.ones(1, 4), **change}
    with pytest.raises(ValueError, match=message):
        raycast(**arguments, size=(2, 2))
