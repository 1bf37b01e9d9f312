"""Labels between pixels and voxels: there and back, votes, rays and the axes of the volume."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import NYU_SHAPE, nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.models.imenet.lookup import ray_voxels, voxel_of_pixel
from ssc_ros.models.imenet.projection import Project2Dto3D, Project3Dto2D, resample

CAMERA = PinholeCamera(518.8579, 518.8579, 320.0, 240.0, 480, 640)
IMAGE_SIZE = (480, 640)
HEIGHT_M = 1.2


def wall_at(distance_m: float, right_m: float = 0.0) -> np.ndarray:
    """Return the voxels (H, W) of a wall across the view of a level camera moved to the right."""
    pose = level_camera_pose(height_m=HEIGHT_M)
    box = nyu_placement(pose)
    # The box stays, the camera moves.
    box.T_camera_voxel[0, 3] -= right_m
    depth = np.full(IMAGE_SIZE, distance_m, np.float32)
    return voxel_of_pixel(depth, CAMERA, box)


def random_labels(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 12, shape, generator=generator, dtype=torch.uint8)


@given(st.integers(0, 2 ** 31))
def test_what_goes_to_pixels_comes_back(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape, image = (6, 4, 5), (8, 12)
    voxels = torch.randint(-1, 120, (2, *image), generator=generator)
    labels = random_labels((2, *shape), seed)
    pixels = Project3Dto2D(image)(labels, voxels)
    assert not pixels[voxels < 0].any()
    for vote in ('majority', 'maxindex'):
        back = Project2Dto3D(shape, vote=vote)(pixels, voxels)
        for sample in range(2):
            is_seen = torch.zeros(120, dtype=torch.bool)
            is_seen[voxels[sample][voxels[sample] >= 0]] = True
            assert torch.equal(back[sample], labels[sample] * is_seen.view(shape))


def test_a_real_camera_gives_back_every_voxel_that_it_sees() -> None:
    depth = (2 + 0.5 * np.sin(np.arange(640) / 40) + np.zeros(IMAGE_SIZE)).astype(np.float32)
    depth[:40] = 0
    table = voxel_of_pixel(depth, CAMERA, nyu_placement(level_camera_pose(height_m=HEIGHT_M)))
    voxels = torch.from_numpy(table)[None]
    labels = random_labels((1, *NYU_SHAPE))
    pixels = Project3Dto2D(IMAGE_SIZE)(labels, voxels)
    back = Project2Dto3D(NYU_SHAPE)(pixels, voxels)
    seen = voxels[voxels >= 0].long().unique()
    assert len(seen) > 1000
    assert torch.equal(back.flatten()[seen], labels.flatten()[seen])
    assert not pixels[0, :40].any()


def test_a_wall_fills_one_slab_of_the_last_axis_and_a_step_aside_moves_the_first() -> None:
    x, y, z = np.unravel_index(wall_at(2.0)[wall_at(2.0) >= 0], NYU_SHAPE)
    assert len(np.unique(z)) == 1
    assert len(np.unique(x)) > 20 and len(np.unique(y)) > 15
    moved = wall_at(2.0, right_m=0.8)
    both = (moved >= 0) & (wall_at(2.0) >= 0)
    old, new = (
        np.stack(np.unravel_index(table[both], NYU_SHAPE)) for table in (wall_at(2.0), moved))
    assert set(np.unique(new[0] - old[0])) <= {9, 10, 11}
    assert np.array_equal(new[1:], old[1:])


def test_the_majority_wins_the_lowest_of_equals_and_unlabelled_pixels_do_not_vote() -> None:
    voxels = torch.tensor([[[0, 0, 0, 1, 1, 2, 2, 2, -1, 3]]])
    labels = torch.tensor([[[5, 5, 2, 9, 4, 0, 0, 7, 8, 255]]], dtype=torch.uint8)
    lifted = Project2Dto3D((5, 1, 1))(labels, voxels)
    assert lifted.flatten().tolist() == [5, 4, 7, 0, 0]


def test_the_last_pixel_can_speak_alone() -> None:
    voxels = torch.tensor([[[0, 0, 1, -1]]])
    labels = torch.tensor([[[5, 2, 9, 4]]], dtype=torch.uint8)
    lift = Project2Dto3D((3, 1, 1), vote='maxindex')
    assert lift(labels, voxels).flatten().tolist() == [2, 9, 0]
    pixels = torch.tensor([[0, 4, 3]])
    assert lift(labels, voxels, pixels).flatten().tolist() == [5, 0, 4]


def test_labels_of_a_smaller_image_vote_with_all_pixels_of_the_whole_one() -> None:
    labels = random_labels((2, 3, 4)).clamp(min=1)
    voxels = torch.arange(48).view(1, 6, 8).expand(2, -1, -1)
    lifted = Project2Dto3D((6, 8, 1))(labels, voxels)
    expected = labels.repeat_interleave(2, 1).repeat_interleave(2, 2)
    assert torch.equal(lifted[..., 0], expected)
    assert torch.equal(resample(expected, (3, 4)), labels)


def test_a_ray_takes_the_first_voxel_that_is_not_empty() -> None:
    labels = torch.tensor([0, 3, 255, 6], dtype=torch.uint8).view(1, 4, 1, 1)
    rays = torch.tensor([[0, 1, 3], [2, 3, 0], [-1, 0, 0], [3, -1, 1], [-1, -1, -1]])
    project = Project3Dto2D((1, 5))
    seen = project(labels, rays.T.reshape(1, 3, 1, 5).int())
    assert seen.flatten().tolist() == [3, 6, 0, 6, 0]
    exact = project(labels, rays[:, 0].view(1, 1, 5))
    assert exact.flatten().tolist() == [0, 0, 0, 6, 0]


def test_marching_finds_a_surface_one_voxel_behind_the_measured_point() -> None:
    size = (48, 64)
    box = nyu_placement(level_camera_pose(height_m=HEIGHT_M))
    depth = np.full(IMAGE_SIZE, 2.0, np.float32)
    table = voxel_of_pixel(depth, CAMERA, box)
    slab = np.unravel_index(table[table >= 0], NYU_SHAPE)[2][0]
    labels = torch.zeros(1, *NYU_SHAPE, dtype=torch.uint8)
    labels[..., slab + 1] = 7
    labels[..., slab - 2] = 4
    rays = ray_voxels(depth, CAMERA, box, work_size=size, steps=9)
    exact = Project3Dto2D(size)(labels, torch.from_numpy(table)[None])
    marched = Project3Dto2D(size)(labels, torch.from_numpy(rays)[None])
    assert not exact.any()
    assert marched.unique().tolist() == [7]


def test_rays_of_another_image_are_refused() -> None:
    with pytest.raises(ConfigurationError, match='look them up for it'):
        Project3Dto2D((4, 4))(random_labels((1, 2, 2, 2)), torch.zeros(1, 3, 4, 5).int())
