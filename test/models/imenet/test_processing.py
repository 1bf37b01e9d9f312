"""A camera frame and the arrays of a data set become the same inputs and the same estimate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssc_ros.errors import DataError, WeightsError
from ssc_ros.frames import RgbdFrame, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.placement import BoxPlacement, nyu_placement
from ssc_ros.geometry.projection import project_voxels
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.geometry.tsdf import compute_tsdf
from ssc_ros.labels import IGNORE_ID
from ssc_ros.models.batches import to_device
from ssc_ros.models.estimator import IterativeEstimator, load_estimator
from ssc_ros.models.execution import build_seeded
from ssc_ros.models.imenet.inputs import normalize_image
from ssc_ros.models.imenet.lookup import working_pixels
from ssc_ros.models.imenet.network import ImenetNetwork
from ssc_ros.models.imenet.presets import load_preset
from ssc_ros.models.imenet.processing import (
    FramePreparation,
    ImenetEstimator,
    prepare_arrays,
)
from ssc_ros.weights import save_bundle

NYU_CAMERA = PinholeCamera(518.8579, 519.4696, 325.58, 253.74, 480, 640)
WIDE_CAMERA = PinholeCamera(920.0, 920.0, 640.0, 360.0, 720, 1280)
TALL_CAMERA = PinholeCamera(520.0, 520.0, 320.0, 400.0, 800, 640)
HEIGHT_M, WALL_M = 1.3, 3.0
POSE = level_camera_pose(height_m=HEIGHT_M)
SMALL = load_preset('small')
# As small, but for the time of a test.
QUICK = replace(SMALL, name='quick', work_size=(96, 128), voxel_channels=8, dcp2d_channels=4,
                dcp3d_channels=4)


def room_depth(camera):
    """Return the depth of a floor and a wall, seen by a level camera; a hole in the wall."""
    rows = np.arange(camera.height)[:, None] + np.zeros((1, camera.width))
    below = (rows - camera.cy) / camera.fy
    floor_m = np.divide(HEIGHT_M, below, out=np.full(below.shape, np.inf), where=below > 1e-6)
    depth_m = np.minimum(floor_m, WALL_M).astype(np.float32)
    depth_m[:camera.height // 10, :camera.width // 10] = 0
    return depth_m


def room_frame(camera=NYU_CAMERA, **changes):
    rgb = np.random.default_rng(0).integers(0, 255, (*camera.size, 3), np.uint8)
    values = {'rgb': rgb, 'depth_m': room_depth(camera), 'camera': camera,
              'placement': nyu_placement(POSE), 'stamp_ns': 7, 'frame_id': 'optical'}
    return RgbdFrame(**{**values, **changes})


@pytest.fixture(scope='module')
def network():
    """Return a network whose random answers differ from place to place, and so by the loop."""
    network = build_seeded(lambda: ImenetNetwork(QUICK), 0)
    generator = torch.Generator().manual_seed(0)
    for branch in (network.image, network.voxel):
        torch.nn.init.normal_(branch.classify.weight, std=3.0, generator=generator)
    return network


@pytest.fixture
def estimator(network):
    return ImenetEstimator(network, name='quick', device='cpu', precision='float32')


@pytest.fixture(scope='module')
def estimate(network):
    return ImenetEstimator(
        network, name='quick', device='cpu', precision='float32')(room_frame())


class TestPreparation:
    def test_the_small_network_gets_coarse_volumes_and_a_working_image(self):
        inputs = FramePreparation(SMALL)(room_frame()).inputs
        assert inputs.image.shape == (1, 3, *SMALL.work_size)
        assert inputs.tsdf.shape == (1, 1, 60, 36, 60)
        assert inputs.voxel_of_pixel.shape == (1, 480, 640)
        assert inputs.ray_voxels.shape == (1, 9, *SMALL.work_size)
        assert inputs.nonfree.shape == (1, 60, 36, 60) and inputs.nonfree.dtype == torch.bool
        assert inputs.full_image is inputs.hha is inputs.label_map is None

    def test_sscnet_gets_the_fine_flipped_tsdf(self):
        config, frame = load_preset('paper'), room_frame()
        inputs = FramePreparation(config)(frame).inputs
        tsdf = inputs.tsdf[0, 0].numpy()
        assert tsdf.shape == (240, 144, 240) and inputs.ray_voxels is None
        # Steep at the surface, faint far from it, in front of it and behind.
        assert (np.abs(tsdf) >= 0.00099).all() and tsdf.max() == 1 and tsdf.min() < -0.9
        assert inputs.image.shape == (1, 3, 288, 384)
        coarse = FramePreparation(SMALL)(frame).inputs
        assert (coarse.nonfree != inputs.nonfree).float().mean() < 0.05

    def test_3d_sketch_gets_the_whole_image_and_a_pixel_per_voxel(self):
        frame = room_frame()
        inputs = FramePreparation(load_preset('s1'))(frame).inputs
        assert torch.equal(
            inputs.full_image, normalize_image(torch.tensor(frame.rgb)[None].permute(0, 3, 1, 2)))
        volume = compute_tsdf(frame.depth_m, frame.camera, frame.placement.grid,
                              frame.placement.T_camera_voxel)
        np.testing.assert_array_equal(inputs.pixel_of_voxel[0], volume.pixel_of_voxel)
        np.testing.assert_array_equal(inputs.tsdf[0, 0], volume.values)

    @pytest.mark.parametrize('camera', [
        WIDE_CAMERA, NYU_CAMERA.resized(240, 320),
        NYU_CAMERA.cropped(top=40, left=0, height=400, width=640)], ids=['wide', 'half', 'low'])
    def test_any_camera_shows_the_same_room(self, camera):
        """Every pixel that has a voxel looks through it, at the network's size."""
        frame = room_frame(camera)
        prepared = FramePreparation(SMALL)(frame)
        fitted = prepared.fit.camera
        voxels = prepared.inputs.voxel_of_pixel[0].numpy()
        assert voxels.shape == SMALL.image_size == fitted.size
        rows, columns = np.nonzero(voxels >= 0)
        table = project_voxels(frame.placement.grid, frame.placement.T_camera_voxel, fitted)
        seen = voxels[rows, columns]
        offset = table.points_image[seen] - np.stack([columns, rows], axis=1)
        radius_px = fitted.fx * 0.08 * np.sqrt(3) / 2 / table.depth_m[seen]
        assert len(seen) > 50_000
        assert (np.linalg.norm(offset, axis=1) < 1.3 * radius_px + 1).all()

    def test_visible_space_is_free_and_what_lies_on_or_behind_surfaces_is_not(self):
        frame = room_frame()
        nonfree = FramePreparation(SMALL)(frame).inputs.nonfree[0].numpy()
        table = project_voxels(frame.placement.grid, frame.placement.T_camera_voxel, frame.camera)
        depth = table.depth_m.reshape(nonfree.shape)
        u, v = table.points_image.T.reshape(2, *nonfree.shape)
        # Well within the image, far above the floor and below the hole.
        is_seen = (depth > 0) & (np.abs(u - 320) < 200) & (np.abs(v - 200) < 40)
        assert not nonfree[is_seen & (depth < WALL_M - 0.2)].any()
        assert nonfree[is_seen & (depth > WALL_M)].all()

    def test_pixels_without_depth_have_no_voxel(self):
        voxels = FramePreparation(SMALL)(room_frame()).inputs.voxel_of_pixel[0]
        assert (voxels[:48, :64] == -1).all() and (voxels[200] >= 0).any()

    def test_other_kinds_of_frames_are_refused_with_the_remedy(self):
        prepare, frame = FramePreparation(SMALL), room_frame()
        rig = StereoRig(frame.camera, frame.camera, 0.1)
        with pytest.raises(DataError, match='use rgbd_node with registered depth'):
            prepare(StereoFrame(frame.rgb, frame.rgb, rig, frame.placement))
        grid = replace(frame.placement.grid, shape=(32, 32, 32))
        with pytest.raises(DataError, match=r'\(32, 32, 32\) grid'):
            prepare(room_frame(placement=BoxPlacement(grid, frame.placement.T_camera_voxel)))

    @pytest.mark.parametrize('preset', ['small-labels', 'rgbd', '2dgt', '3dgt'])
    def test_configurations_that_read_more_than_a_camera_gives_are_refused(self, preset):
        with pytest.raises(DataError, match='a camera does not give'):
            FramePreparation(load_preset(preset))(room_frame())

    def test_pictures_of_data_sets_are_prepared_for_every_reader(self):
        arrays = {'tsdf': np.zeros(129600, np.float32),
                  'voxels': np.full((480, 640), -1, np.int32)}
        picture = np.random.default_rng(0).integers(0, 14, (480, 640, 3), np.uint8)
        labels = prepare_arrays(
            load_preset('small-labels'), label_map=picture[..., 0], **arrays).label_map
        rows, columns = working_pixels((480, 640), SMALL.work_size)
        np.testing.assert_array_equal(labels[0], picture[np.ix_(rows, columns)][..., 0])
        config = replace(load_preset('rgbd'), tsdf_subdivision=1)
        inputs = prepare_arrays(config, rgb=picture, hha=picture, **arrays)
        assert inputs.hha.shape == inputs.image.shape == (1, 3, 288, 384)

    def test_missing_or_wrong_pictures_are_named(self):
        arrays = {'tsdf': np.zeros(129600, np.float32),
                  'voxels': np.full((480, 640), -1, np.int32)}
        with pytest.raises(DataError, match='nothing came'):
            prepare_arrays(SMALL, **arrays)
        with pytest.raises(DataError, match=r'size \(240, 320\) came'):
            prepare_arrays(SMALL, rgb=np.zeros((240, 320, 3), np.uint8), **arrays)


class TestEstimate:
    def test_the_estimate_belongs_to_its_frame(self, estimate):
        assert (estimate.stamp_ns, estimate.frame_id) == (7, 'optical')
        assert estimate.labels.shape == (60, 36, 60) and estimate.labels.max() < 12
        assert (estimate.confidence >= 0).all() and (estimate.confidence <= 1).all()
        assert estimate.is_depth_measured and estimate.depth_m.shape == (480, 640)
        assert set(estimate.stage_ms) == {'prepare', 'network', 'finish'}

    def test_space_that_is_seen_to_be_free_is_empty_with_certainty(self, estimate):
        nonfree = FramePreparation(QUICK)(room_frame()).inputs.nonfree[0].numpy()
        assert (estimate.labels[~nonfree] == 0).all() and (estimate.labels[nonfree] > 0).any()
        is_certain = estimate.confidence == 1
        np.testing.assert_array_equal(is_certain, estimate.observed & ~nonfree)
        assert is_certain.any()

    def test_nothing_is_known_of_what_is_out_of_view(self, estimate):
        nonfree = FramePreparation(QUICK)(room_frame()).inputs.nonfree[0].numpy()
        np.testing.assert_array_equal(
            estimate.confidence == 0, ~nonfree & ~estimate.observed)

    @pytest.mark.parametrize(('depth_m', 'is_measured'), [
        (0.0, False), (np.nan, False), (np.inf, False), (-1.0, False), (100.0, True)])
    def test_unusable_depth_leaves_the_labelled_image_and_an_empty_box(
            self, estimator, depth_m, is_measured):
        estimator.iterations = 1
        frame = room_frame(depth_m=np.full((480, 640), depth_m, np.float32))
        estimate = estimator(frame)
        assert (estimate.labels == 0).all() and np.isfinite(estimate.confidence).all()
        assert estimate.observed.any() == is_measured
        assert estimate.image_labels.min() >= 1 and estimate.image_labels.max() <= 11

    def test_surfaces_and_free_space_before_them_are_observed_and_nothing_behind(self, estimate):
        frame = room_frame()
        table = project_voxels(frame.placement.grid, frame.placement.T_camera_voxel, frame.camera)
        depth = table.depth_m.reshape(estimate.observed.shape)
        voxels = FramePreparation(QUICK)(frame).inputs.voxel_of_pixel
        assert estimate.observed.reshape(-1)[voxels[voxels >= 0]].all()
        assert 0.1 < estimate.observed.mean() < 0.5
        assert depth[estimate.observed].max() < WALL_M + 0.16

    def test_the_labelled_image_is_that_of_the_network(self, network, estimator):
        """Not the rendered volume: the scores of the image network after the last iteration."""
        frame = room_frame()
        estimate, inputs = estimator(frame), estimator.prepare(frame).inputs
        with torch.inference_mode():
            output = network.eval()(to_device(inputs, 'cpu'), QUICK.iterations)
        scores = F.interpolate(output.final.f2d, (480, 640), mode='bilinear')[0, 1:]
        chances = scores.softmax(dim=0)
        expected = chances.argmax(dim=0).numpy() + 1
        # The rearranged network rounds otherwise: near ties may fall to either side.
        assert (estimate.image_labels == expected).mean() > 0.999
        own = np.take_along_axis(
            chances.numpy(), estimate.image_labels[None].astype(np.int64) - 1, axis=0)[0]
        np.testing.assert_allclose(estimate.image_confidence, own, atol=1e-3)
        np.testing.assert_array_equal(
            estimate.labels, output.final.labels3d[0].numpy() * (estimate.labels > 0))

    @pytest.mark.parametrize('camera', [WIDE_CAMERA, NYU_CAMERA.resized(240, 320), TALL_CAMERA],
                             ids=['wide', 'half', 'tall'])
    def test_labels_come_back_to_the_pixels_of_the_camera(self, estimator, camera):
        frame = room_frame(camera)
        estimate = estimator(frame)
        labels, confidence = estimate.image_labels, estimate.image_confidence
        assert labels.shape == confidence.shape == camera.size
        is_labelled = labels != IGNORE_ID
        if camera is TALL_CAMERA:  # the network sees the 480 rows in the middle
            assert is_labelled[160:640].all() and not is_labelled[:160].any()
            assert not is_labelled[640:].any()
        else:
            assert is_labelled.all()
        assert labels[is_labelled].min() >= 1 and labels[is_labelled].max() <= 11
        assert (confidence[is_labelled] > 0).all() and (confidence[~is_labelled] == 0).all()

    def test_the_arrays_of_a_frame_give_the_estimate_of_the_frame(self, estimator, estimate):
        frame = room_frame()
        inputs = FramePreparation(QUICK)(frame).inputs
        answer = estimator.complete(prepare_arrays(
            QUICK, tsdf=inputs.tsdf.numpy().ravel(), voxels=inputs.voxel_of_pixel[0].numpy(),
            rays=inputs.ray_voxels[0].numpy(), rgb=frame.rgb))
        np.testing.assert_array_equal(answer.labels, estimate.labels)
        nonfree = inputs.nonfree[0].numpy()
        np.testing.assert_array_equal(answer.confidence[nonfree], estimate.confidence[nonfree])
        np.testing.assert_array_equal(answer.image_labels, estimate.image_labels)
        np.testing.assert_array_equal(answer.image_confidence, estimate.image_confidence)

    def test_a_bundle_gives_the_estimate_of_its_network(self, network, estimate, tmp_path):
        save_bundle(tmp_path / 'bundle', QUICK.to_dict(), network.state_dict(), '',
                    model='imenet', half_precision=False)
        again = load_estimator(tmp_path / 'bundle', device='cpu', precision='float32')
        assert isinstance(again, ImenetEstimator)
        repeated = again(room_frame())
        np.testing.assert_array_equal(repeated.labels, estimate.labels)
        np.testing.assert_array_equal(repeated.image_labels, estimate.image_labels)

    def test_weights_of_another_configuration_are_refused(self, network, tmp_path):
        save_bundle(tmp_path / 'bundle', replace(QUICK, voxel_channels=16).to_dict(),
                    network.state_dict(), '', model='imenet')
        with pytest.raises(WeightsError, match=r'do not fit its config\.json'):
            load_estimator(tmp_path / 'bundle')


class TestIterations:
    def test_they_are_those_of_the_configuration_until_told_otherwise(self, estimator):
        assert isinstance(estimator, IterativeEstimator)
        assert estimator.iterations == estimator.trained_iterations == QUICK.iterations == 3
        assert estimator.max_iterations == 6

    def test_the_next_frame_is_made_with_the_number_that_is_set(self, network, estimator):
        frame = room_frame()
        inputs = estimator.prepare(frame).inputs
        with torch.inference_mode():
            outputs = network.eval()(inputs, 2).iterations
        answers = []
        for iterations, expected in enumerate(outputs):
            estimator.iterations = iterations
            answers.append(estimator.complete(inputs))
            agreement = answers[-1].labels == expected.labels3d[0].numpy()
            assert agreement.mean() > 0.999
        assert (answers[0].image_labels != answers[1].image_labels).any()
        estimator.iterations = 0
        again = estimator.complete(inputs)
        np.testing.assert_array_equal(again.labels, answers[0].labels)
        np.testing.assert_array_equal(again.image_labels, answers[0].image_labels)

    @pytest.mark.parametrize('row', ['a', 'b'])
    def test_a_network_without_refiners_takes_none(self, row):
        config = replace(QUICK, has_dcp2d=False, has_dda=False, iterations=0 if row == 'a' else 3)
        estimator = ImenetEstimator(
            build_seeded(lambda: ImenetNetwork(config), 0), name=row, device='cpu')
        assert estimator.max_iterations == estimator.iterations == 0


class TestRealFrame:
    """NYU Depth v2, frame 0001: its depth image gives the arrays of the published package."""

    def test_online_inputs_are_those_of_the_package(self, shared_data, estimator):
        import cv2

        from training.datasets.nyu.raw import read_depth, read_volume

        raw = shared_data / 'nyu_raw' / 'depthbin' / 'NYUtest'
        if not (raw.is_dir() and (shared_data / 'nyu').is_dir()):
            pytest.skip(f'no NYU frame at {raw}')
        placement = read_volume(raw / 'NYU0001_0000.bin').placement
        rgb = cv2.imread(str(shared_data / 'nyu_raw' / 'NYU0001_colors.jpg'))[..., ::-1]
        frame = RgbdFrame(np.ascontiguousarray(rgb), read_depth(raw / 'NYU0001_0000.png'),
                          NYU_CAMERA, placement)
        with np.load(shared_data / 'nyu' / 'TSDF' / '0001.npz') as file:
            tsdf = file['arr_0']
        with np.load(shared_data / 'nyu' / 'Mapping' / '0001.npz') as file:
            mapping = file['arr_0']
        online = estimator.prepare(frame).inputs
        np.testing.assert_array_equal(online.pixel_of_voxel[0], mapping.ravel())
        offline = prepare_arrays(
            QUICK, tsdf=tsdf, voxels=online.voxel_of_pixel[0].numpy(),
            rays=online.ray_voxels[0].numpy(), rgb=frame.rgb)
        # Few of the 8 million fine voxels may fall on the other side by rounding.
        assert ((online.tsdf - offline.tsdf).abs() > 1e-5).sum() <= 5
        assert (online.nonfree != offline.nonfree).sum() <= 5
        answer = estimator.complete(offline)
        assert (estimator(frame).labels != answer.labels).sum() < 30


def test_the_box_is_that_of_the_origin_rule(estimator):
    """Centred on the point 3.4 m ahead on the optical axis, its floor 0.05 m below the room's."""
    pose = level_camera_pose(height_m=1.2, pitch_rad=0.3)
    grid = estimator.place_box(pose).grid
    ahead = pose[:3, :3] @ [0, 0, 3.4] + pose[:3, 3]
    np.testing.assert_allclose(
        grid.origin_m, [ahead[0] - 2.4, ahead[1] - 2.4, -0.05], atol=3e-3)
    assert grid.shape == SMALL.grid_shape and grid.voxel_size_m == 0.08


@pytest.mark.gpu
def test_a_gpu_gives_the_labels_of_the_cpu(network, estimator):
    frame = room_frame()
    on_cpu = estimator(frame)
    on_gpu = ImenetEstimator(network, name='quick', device='cuda', precision='float32')(frame)
    assert (on_cpu.labels == on_gpu.labels).mean() > 0.99
    assert (on_cpu.image_labels == on_gpu.image_labels).mean() > 0.99
    np.testing.assert_array_equal(on_cpu.observed, on_gpu.observed)
