from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import SceneEstimate
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import PLACEMENT_RULES
from ssc_ros.geometry.transforms import level_camera_pose, transform_points
from ssc_ros.labels import load_label_space
from ssc_ros.nodes.scenes import Scene
from ssc_ros.nodes.settings import OutputParameters

CAMERA = PinholeCamera(50.0, 50.0, 31.5, 23.5, 48, 64)
SPACE = load_label_space('nyu12')


def make_scene(rule='nyu', labels=None, confidence=None, **parameters):
    pose = level_camera_pose(height_m=1.2, pitch_rad=0.2, roll_rad=0.1)
    box = PLACEMENT_RULES[rule](pose)
    shape = box.grid.shape
    labels = np.zeros(shape, np.uint8) if labels is None else labels
    estimate = SceneEstimate(
        labels=labels,
        confidence=np.ones(shape, np.float32) if confidence is None else confidence,
        observed=np.zeros(shape, np.bool_), grid=box.grid, T_camera_voxel=box.T_camera_voxel,
        camera=CAMERA, label_space=SPACE)
    return Scene(estimate, pose, replace(OutputParameters(), **parameters))


@pytest.mark.parametrize('rule', PLACEMENT_RULES)
def test_heights_are_those_of_the_voxel_centres_above_the_floor(rule):
    scene = make_scene(rule)
    grid = scene.estimate.grid
    expected = transform_points(scene.T_world_voxel, grid.centers())[:, 2].reshape(grid.shape)
    np.testing.assert_allclose(scene.height_m, expected, atol=1e-9)


def test_heights_of_an_indoor_box_begin_below_the_floor():
    height = make_scene('nyu').height_m
    assert height.min() == pytest.approx(-0.05 + 0.04, abs=1e-6)


def test_obstacles_leave_out_floor_ceiling_height_and_what_is_doubtful():
    labels = np.zeros((60, 36, 60), np.uint8)
    confidence = np.ones(labels.shape, np.float32)
    labels[:, 0] = SPACE.names.index('floor')
    labels[:, 35] = SPACE.names.index('ceiling')
    labels[10, 5, 10] = labels[10, 5, 20] = labels[10, 30, 10] = SPACE.names.index('bed')
    confidence[10, 5, 20] = 0.2
    scene = make_scene(labels=labels, confidence=confidence, min_confidence=0.5)
    assert np.argwhere(scene.is_obstacle).tolist() == [[10, 5, 10]]


def test_a_grid_marks_columns_with_obstacles_and_leaves_doubtful_ones_unknown():
    labels = np.zeros((60, 36, 60), np.uint8)
    confidence = np.ones(labels.shape, np.float32)
    labels[:, 0] = SPACE.names.index('floor')
    labels[10, 5, 20] = SPACE.names.index('bed')
    labels[11, 2:30, 20] = SPACE.names.index('wall')
    confidence[11, 2:30, 20] = 0.1
    confidence[:, :, 50] = 0  # nothing is known of them
    costs = make_scene(labels=labels, confidence=confidence, min_confidence=0.5).occupancy()
    assert costs.shape == (60, 60)
    assert (costs[20, 10], costs[20, 11], costs[50, 0], costs[0, 0]) == (100, -1, -1, 0)


def test_costs_are_those_of_the_label_space_unless_the_parameters_say_otherwise():
    labels = np.zeros((60, 36, 60), np.uint8)
    for place, name in ((10, 'floor'), (20, 'bed'), (30, 'objs')):
        labels[place, 5, 20] = SPACE.names.index(name)
    scene = make_scene(labels=labels)
    assert scene.occupancy()[20, [10, 20, 30]].tolist() == [0, 100, 100]
    assert np.argwhere(scene.is_obstacle)[:, 0].tolist() == [20, 30]
    scene = make_scene(labels=labels, class_costs='floor:100, bed:40, objs:0')
    assert scene.occupancy()[20, [10, 20, 30]].tolist() == [100, 40, 0]
    assert np.argwhere(scene.is_obstacle)[:, 0].tolist() == [10, 20]


def test_an_outdoor_box_keeps_its_height_band_above_the_road():
    labels = np.zeros((256, 256, 32), np.uint8)
    labels[50, 128, 1] = labels[60, 128, 3] = 5  # tops at -1.6 m and -1.2 m of the lidar frame
    costs = make_scene('kitti', labels=labels).occupancy()
    assert costs[128, 50] == 0 and costs[128, 60] == 100


def test_a_box_that_is_not_upright_has_no_grid():
    with pytest.raises(ConfigurationError, match='nav/obstacles'):
        make_scene('tartanair').occupancy()


class TestMarkers:
    @pytest.fixture
    def solid(self):
        """Return a block of 6 x 6 x 6 voxels of a sofa."""
        labels = np.zeros((60, 36, 60), np.uint8)
        labels[20:26, 5:11, 30:36] = SPACE.names.index('sofa')
        return labels

    def points(self, topic, labels, **parameters):
        """Return the points of all markers of a topic."""
        from ssc_ros.nodes.outputs import SCENE_OUTPUTS, Encoders

        output, = (output for output in SCENE_OUTPUTS if output.topic == topic)
        encode = Encoders(cloud=lambda *args: None, markers=lambda markers: markers)
        confidence = np.where(np.indices(labels.shape)[0] < 23, 0.9, 0.1).astype(np.float32)
        markers = output.build(
            make_scene(labels=labels, confidence=confidence, **parameters), encode)
        assert markers.frame_id == '' and len(markers.parts) == 11
        return np.concatenate([part.points for part in markers.parts])

    def test_cubes_that_six_others_hide_are_sent_only_on_request(self, solid):
        assert len(self.points('~/voxels/markers', solid)) == 6**3 - 4**3
        assert len(self.points('~/voxels/markers', solid, marker_surface_only=False)) == 6**3

    def test_what_hides_a_cube_must_be_shown_itself(self, solid):
        points = self.points('~/voxels/markers', solid, min_confidence=0.5)
        assert len(points) == 3 * 6 * 6 - 4 * 4

    def test_the_mesh_is_that_of_the_voxels_of_sufficient_confidence(self, solid):
        assert len(self.points('~/voxels/mesh', solid)) == 36
        points = self.points('~/voxels/mesh', solid, min_confidence=0.5)
        np.testing.assert_allclose(np.ptp(points, axis=0), [0.24, 0.48, 0.48], atol=1e-9)
