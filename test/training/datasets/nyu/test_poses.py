"""Tests of camera poses, implied depth, and frames for networks that project voxels."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import DataError
from ssc_ros.geometry.projection import project_voxels
from ssc_ros.geometry.transforms import inverse_rigid
from ssc_ros.models.occdepth.presets import load_preset
from training.datasets.labelled import SampleMaker
from training.datasets.nyu import NyuFrames, NyuSamples
from training.datasets.nyu.frames import labelled_frame
from training.datasets.nyu.poses import read_poses, sparse_depth
from training.datasets.nyu.raw import read_depth, read_volume
from training.datasets.nyu.regions import surface
from training.options import DataOptions

# Half the diagonal of a voxel, along a ray that is at most 1.27 times as long as its depth.
LARGEST_ERROR_M = 0.08 * 3 ** 0.5 / 2


def test_made_up_poses_survive_the_file(samples: NyuSamples) -> None:
    placement = samples[0].placement
    pose = inverse_rigid(placement.T_camera_voxel)
    assert np.allclose(pose[:3], [[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 1.2]])
    assert placement.grid.origin_m == pytest.approx((-2.4, 1.0, -0.05))
    assert samples[0].camera.cx == 325.58


def test_implied_depth_is_near_the_measured_one(samples: NyuSamples) -> None:
    sample = samples[0]
    depth_m = sparse_depth(sample.pixel_of_voxel, sample.camera, sample.placement)
    is_set = depth_m > 0
    assert int(is_set.sum()) == 1289
    assert np.abs(depth_m - sample.depth_m)[is_set].max() <= LARGEST_ERROR_M


def test_implied_depth_is_near_the_kinect_depth(real_package: Path, real_release: Path) -> None:
    sample = NyuSamples(real_package, [1])[0]
    measured = read_depth(real_release / 'depthbin' / 'NYUtest' / 'NYU0001_0000.png')
    depth_m = sparse_depth(sample.pixel_of_voxel, sample.camera, sample.placement)
    is_set = depth_m > 0
    assert int(is_set.sum()) == 2750
    assert np.abs(depth_m - measured)[is_set].max() <= LARGEST_ERROR_M


def test_the_recovered_pose_agrees_with_the_released_one(
    real_package: Path, real_release: Path,
) -> None:
    released = read_volume(real_release / 'depthbin' / 'NYUtest' / 'NYU0001_0000.bin').placement
    recovered = read_poses(real_package).placements[1]
    assert np.abs(recovered.T_camera_voxel - released.T_camera_voxel).max() < 5e-4
    assert recovered.grid.origin_m == pytest.approx(released.grid.origin_m, abs=5e-4)


def test_every_real_frame_has_a_pose(real_package: Path) -> None:
    assert sorted(read_poses(real_package).placements) == list(range(1, 1450))


def test_rays_of_other_real_frames_cross_their_voxels(real_package: Path) -> None:
    for sample in NyuSamples(real_package, [2, 700, 1449], images=()):
        depth_m = sparse_depth(sample.pixel_of_voxel, sample.camera, sample.placement)
        # Of the recovered poses the tightest ray touches its voxel by about a millimetre.
        assert int((depth_m > 0).sum()) == int(surface(sample.pixel_of_voxel).sum())


@pytest.mark.parametrize('name', ['tiny_nyu', 'real_package'])
def test_visible_voxels_project_near_the_pixels_that_own_them(
    name: str, request: pytest.FixtureRequest,
) -> None:
    sample = NyuSamples(request.getfixturevalue(name), [1, 3], images=())[1]
    visible = np.flatnonzero(sample.pixel_of_voxel != 307200)
    table = project_voxels(
        sample.placement.grid, sample.placement.T_camera_voxel, sample.camera)
    row, column = np.divmod(sample.pixel_of_voxel[visible], 640)
    u, v = table.points_image[visible].T
    # Half a voxel's diagonal at the distance of its centre.
    reach_px = LARGEST_ERROR_M * sample.camera.fy / (table.depth_m[visible] - LARGEST_ERROR_M)
    assert (np.hypot(u - column, v - row) <= 1.2 * reach_px).all()


def test_occdepth_reads_the_frames_of_the_benchmark(tiny_nyu: Path) -> None:
    make = SampleMaker(load_preset('n4'), DataOptions(), with_cells=False)
    batch = make(NyuFrames(tiny_nyu, 'train')[0])
    assert batch.labels.shape == (1, 60, 36, 60)
    assert batch.images.shape[-2:] == (480, 640)
    visible = NyuSamples(tiny_nyu, [3])[0].pixel_of_voxel != 307200
    assert batch.inputs.in_view.reshape(-1, 129600)[0].numpy()[visible].mean() > 0.95


def test_frames_carry_measured_depth_where_there_is_some(tiny_nyu: Path) -> None:
    frames = NyuFrames(tiny_nyu, 'train', limit=2)
    assert len(frames) == len(frames[:]) == 2
    labelled = frames[-1]
    sample = frames.samples[1]
    assert labelled.frame.frame_id == 'nyu_0004'
    assert np.array_equal(labelled.frame.rgb, sample.rgb)
    assert np.array_equal(labelled.frame.depth_m, sample.depth_m)
    assert np.array_equal(labelled.labels, sample.labels)
    assert labelled.depth_m.shape == (1, 480, 640)


def test_frames_without_depth_images_carry_implied_depth(tiny_nyu: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_nyu, tmp_path / 'NYU'))
    shutil.rmtree(root / 'Depth')
    depth_m = NyuFrames(root, 'test')[0].frame.depth_m
    assert int((depth_m > 0).sum()) == 1289


def test_frames_without_pose_or_colour_are_refused(samples: NyuSamples) -> None:
    with pytest.raises(DataError, match=r'0001 has no camera pose.*camera_poses\.npz'):
        labelled_frame(replace(samples[0], placement=None))
    with pytest.raises(DataError, match='0001 has no colour image'):
        labelled_frame(replace(samples[0], rgb=None))


def test_a_wrong_pose_file_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / 'camera_poses.npz', R=np.zeros((2, 3, 3)), t=np.zeros((3, 3)),
             origin=np.zeros((2, 3)), K=np.eye(3))
    with pytest.raises(DataError, match=r'camera_poses\.npz holds'):
        read_poses(tmp_path)
