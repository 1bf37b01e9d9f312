"""A camera frame and the arrays of a data set become the same inputs and the same estimate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError, DataError, WeightsError
from ssc_ros.frames import RgbdFrame, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.placement import BoxPlacement, nyu_placement
from ssc_ros.geometry.projection import project_voxels
from ssc_ros.geometry.transforms import inverse_rigid, level_camera_pose
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.presets import load_preset
from ssc_ros.models.ammnet.processing import AmmnetEstimator, FramePreparation, prepare_arrays
from ssc_ros.models.estimator import load_estimator
from ssc_ros.models.execution import build_seeded
from ssc_ros.weights import save_bundle

NYU_CAMERA = PinholeCamera(518.8579, 519.4696, 325.58, 253.74, 480, 640)
WIDE_CAMERA = PinholeCamera(920.0, 920.0, 640.0, 360.0, 720, 1280)
HEIGHT_M, WALL_M = 1.3, 3.0
POSE = level_camera_pose(height_m=HEIGHT_M)
SMALL = load_preset('small')
NO_PIXEL = 480 * 640
EMPTY_ARRAYS = {'tsdf': np.zeros(129600, np.float32),
                'pixel_of_voxel': np.full(129600, NO_PIXEL, np.int32)}


def room_depth(camera):
    """Return the depth of a floor and a wall, seen by a level camera."""
    rows = np.arange(camera.height)[:, None] + np.zeros((1, camera.width))
    below = (rows - camera.cy) / camera.fy
    floor_m = np.divide(HEIGHT_M, below, out=np.full(below.shape, np.inf), where=below > 1e-6)
    return np.minimum(floor_m, WALL_M).astype(np.float32)


def room_frame(camera=NYU_CAMERA, **changes):
    rgb = np.random.default_rng(0).integers(0, 255, (*camera.size, 3), np.uint8)
    values = {'rgb': rgb, 'depth_m': room_depth(camera), 'camera': camera,
              'placement': nyu_placement(POSE), 'stamp_ns': 7, 'frame_id': 'optical'}
    return RgbdFrame(**{**values, **changes})


@pytest.fixture(scope='module')
def network():
    return build_seeded(lambda: AmmnetNetwork(SMALL), 0)


@pytest.fixture(scope='module')
def estimator():
    return load_estimator('random:ammnet/small', device='cpu', precision='float32')


@pytest.fixture(scope='module')
def estimate(estimator):
    return estimator(room_frame())


class TestPreparation:
    def test_inputs_have_the_shapes_that_the_network_takes(self):
        inputs = FramePreparation(SMALL)(room_frame()).inputs
        assert inputs.image.shape == (1, 3, 480, 640) and inputs.image.dtype == torch.float32
        assert inputs.tsdf.shape == (1, 1, 60, 36, 60)
        assert inputs.pixel_of_voxel.shape == (1, 129600)
        assert inputs.label_map is None

    @pytest.mark.parametrize('camera', [
        WIDE_CAMERA, NYU_CAMERA.resized(240, 320),
        NYU_CAMERA.cropped(top=40, left=0, height=400, width=640)], ids=['wide', 'half', 'low'])
    def test_any_camera_shows_the_same_room(self, camera):
        """Every visible voxel owns a pixel whose ray passes through it, at the network's size."""
        prepared = FramePreparation(SMALL)(room_frame(camera))
        reference = FramePreparation(SMALL)(room_frame())
        both = prepared.observed & reference.observed
        assert both.sum() > 0.5 * min(prepared.observed.sum(), reference.observed.sum())
        tsdf, expected = (item.inputs.tsdf[0, 0].numpy()[both] for item in (prepared, reference))
        assert np.abs(tsdf - expected).mean() < 0.1
        assert prepared.inputs.image.shape == (1, 3, 480, 640)

    def test_a_voxel_owns_a_pixel_that_sees_it(self):
        from ssc_ros.geometry.image_fit import fit_camera

        frame = room_frame(WIDE_CAMERA)
        inputs = FramePreparation(SMALL)(frame).inputs
        camera = fit_camera(WIDE_CAMERA, SMALL.image_size).camera
        owners = inputs.pixel_of_voxel[0].numpy()
        table = project_voxels(frame.placement.grid, frame.placement.T_camera_voxel, camera)
        seen = np.flatnonzero(owners < NO_PIXEL)
        offset = table.points_image[seen] - np.stack([owners[seen] % 640, owners[seen] // 640], 1)
        radius_px = camera.fx * 0.08 * np.sqrt(3) / 2 / table.depth_m[seen]
        assert len(seen) > 500
        assert (np.linalg.norm(offset, axis=1) < 1.3 * radius_px + 1).all()

    def test_free_space_and_surfaces_are_observed_and_nothing_behind_them(self):
        frame = room_frame()
        observed = FramePreparation(SMALL)(frame).observed
        table = project_voxels(frame.placement.grid, frame.placement.T_camera_voxel, frame.camera)
        depth = table.depth_m.reshape(observed.shape)
        assert observed.mean() > 0.1
        assert depth[observed].max() < WALL_M + 0.16

    def test_nothing_stands_between_the_camera_and_what_it_measured(self):
        frame = room_frame()
        nonfree = FramePreparation(SMALL)(frame).nonfree
        table = project_voxels(frame.placement.grid, frame.placement.T_camera_voxel, frame.camera)
        depth, in_view = (values.reshape(nonfree.shape) for values in (
            table.depth_m, table.in_view))
        measured = room_depth(NYU_CAMERA).min()
        assert not nonfree[in_view & (depth < measured - 0.16)].any()
        assert nonfree[in_view & (depth > WALL_M + 0.16)].mean() > 0.9
        assert not nonfree[depth < 0].any()

    def test_other_kinds_of_frames_are_refused_with_the_remedy(self):
        prepare = FramePreparation(SMALL)
        frame = room_frame()
        rig = StereoRig(frame.camera, frame.camera, 0.1)
        with pytest.raises(DataError, match='use rgbd_node'):
            prepare(StereoFrame(frame.rgb, frame.rgb, rig, frame.placement))
        coarse = BoxPlacement(frame.placement.grid.coarsened(2), frame.placement.T_camera_voxel)
        with pytest.raises(DataError, match=r'\(30, 18, 30\) grid'):
            prepare(room_frame(placement=coarse))
        with pytest.raises(DataError, match='which a camera does not give'):
            FramePreparation(load_preset('labels'))(frame)


@pytest.mark.gpu
def test_a_gpu_prepares_what_the_cpu_prepares():
    frame = room_frame()
    expected, found = FramePreparation(SMALL)(frame), FramePreparation(SMALL, 'cuda')(frame)
    assert found.inputs.tsdf.device.type == 'cuda'
    owners = found.inputs.pixel_of_voxel.cpu() != expected.inputs.pixel_of_voxel
    assert owners.float().mean() < 1e-4
    assert (found.inputs.tsdf.cpu() - expected.inputs.tsdf).abs().mean() < 1e-4
    assert (found.observed != expected.observed).mean() < 1e-3


class TestArrays:
    def test_flat_arrays_of_the_packages_become_volumes(self):
        labels = np.ones((480, 640), np.uint8)
        inputs = prepare_arrays(load_preset('labels'), label_map=labels, **EMPTY_ARRAYS)
        assert inputs.image is None and inputs.label_map.dtype == torch.uint8
        assert inputs.tsdf.shape == (1, 1, 60, 36, 60)
        assert inputs.pixel_of_voxel.dtype == torch.int64

    def test_the_picture_that_the_configuration_reads_must_be_there_and_fit(self):
        with pytest.raises(DataError, match='colour image of \\(480, 640\\), nothing came'):
            prepare_arrays(SMALL, **EMPTY_ARRAYS)
        with pytest.raises(DataError, match=r'size \(240, 320\) came'):
            prepare_arrays(SMALL, rgb=np.zeros((240, 320, 3), np.uint8), **EMPTY_ARRAYS)


class TestEstimate:
    def test_the_estimate_belongs_to_its_frame(self, estimate):
        assert (estimate.stamp_ns, estimate.frame_id) == (7, 'optical')
        assert estimate.labels.shape == (60, 36, 60) and estimate.labels.max() < 12
        assert (estimate.confidence >= 0).all() and (estimate.confidence <= 1).all()
        assert estimate.is_depth_measured and estimate.depth_m.shape == (480, 640)
        assert set(estimate.stage_ms) == {'prepare', 'network', 'finish'}

    def test_the_arrays_of_a_frame_give_the_estimate_of_the_frame(self, estimator, estimate):
        frame = room_frame()
        prepared = FramePreparation(SMALL)(frame)
        labels, confidence = estimator.complete(prepare_arrays(
            SMALL, tsdf=prepared.inputs.tsdf.numpy().ravel(), rgb=frame.rgb,
            pixel_of_voxel=prepared.inputs.pixel_of_voxel.numpy()))
        told = prepared.nonfree
        np.testing.assert_array_equal(labels[told], estimate.labels[told])
        np.testing.assert_array_equal(confidence[told], estimate.confidence[told])

    def test_space_that_rays_crossed_is_empty_and_what_is_out_of_view_is_not_known(self, estimate):
        nonfree = FramePreparation(SMALL)(room_frame()).nonfree
        assert (estimate.labels[nonfree] > 0).any() and not estimate.labels[~nonfree].any()
        assert (estimate.confidence[~nonfree & estimate.observed] == 1).all()
        assert (estimate.confidence[~nonfree & ~estimate.observed] == 0).all()

    def test_a_bundle_gives_the_estimate_of_its_network(self, network, estimate, tmp_path):
        save_bundle(tmp_path / 'bundle', SMALL.to_dict(), network.state_dict(), '',
                    model='ammnet', half_precision=False)
        again = load_estimator(tmp_path / 'bundle', device='cpu', precision='float32')
        assert isinstance(again, AmmnetEstimator)
        np.testing.assert_array_equal(again(room_frame()).labels, estimate.labels)

    def test_weights_of_another_configuration_are_refused(self, network, tmp_path):
        config = replace(SMALL, feature_channels=8)
        save_bundle(tmp_path / 'bundle', config.to_dict(), network.state_dict(), '',
                    model='ammnet')
        with pytest.raises(WeightsError, match=r'do not fit its config\.json'):
            load_estimator(tmp_path / 'bundle')

    def test_unknown_networks_and_presets_are_named(self, network, tmp_path):
        save_bundle(tmp_path / 'bundle', SMALL.to_dict(), network.state_dict(), '',
                    model='tomorrow')
        with pytest.raises(ConfigurationError, match=r"no 'tomorrow' network.*occdepth, ammnet"):
            load_estimator(tmp_path / 'bundle')
        with pytest.raises(ConfigurationError, match='unknown AMMNet configuration'):
            load_estimator('random:ammnet/tiny')


class TestRealFrame:
    """NYU Depth v2, frame 0001: its depth image gives the arrays of the published package."""

    @pytest.fixture
    def folder(self, shared_data):
        folder = shared_data / 'nyu_raw'
        if not (folder.is_dir() and (shared_data / 'nyu').is_dir()):
            pytest.skip(f'no NYU frame at {folder}')
        return shared_data

    def test_online_inputs_are_those_of_the_package(self, folder, estimator):
        import cv2

        from training.datasets.nyu.raw import read_depth, read_volume

        raw = folder / 'nyu_raw' / 'depthbin' / 'NYUtest'
        placement = read_volume(raw / 'NYU0001_0000.bin').placement
        rgb = cv2.imread(str(folder / 'nyu_raw' / 'NYU0001_colors.jpg'))[..., ::-1]
        frame = RgbdFrame(np.ascontiguousarray(rgb), read_depth(raw / 'NYU0001_0000.png'),
                          NYU_CAMERA, placement)
        with np.load(folder / 'nyu' / 'TSDF' / '0001.npz') as file:
            tsdf = file['arr_0']
        with np.load(folder / 'nyu' / 'Mapping' / '0001.npz') as file:
            mapping = file['arr_0']
        online = estimator.prepare(frame)
        offline = prepare_arrays(SMALL, tsdf=tsdf, pixel_of_voxel=mapping, rgb=frame.rgb)
        np.testing.assert_array_equal(online.inputs.pixel_of_voxel, offline.pixel_of_voxel)
        # Few of the 8 million fine voxels may fall on the other side by rounding.
        difference = (online.inputs.tsdf - offline.tsdf).abs()
        assert (difference > 1e-5).sum() <= 5 and difference.max() <= 5 / 64
        labels, _ = estimator.complete(offline)
        assert (estimator(frame).labels != labels)[online.nonfree].sum() < 30


def test_the_pose_of_the_box_is_level_and_above_the_floor(estimator):
    pose = level_camera_pose(height_m=1.2, pitch_rad=0.3, roll_rad=0.1)
    box = estimator.place_box(pose)
    T_level_camera = inverse_rigid(box.T_camera_voxel)
    np.testing.assert_allclose(T_level_camera, pose, atol=2e-3)
    assert box.grid.shape == SMALL.grid_shape
