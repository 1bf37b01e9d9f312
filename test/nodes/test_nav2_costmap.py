"""
The Nav2 outputs against a small reference costmap, with the parameters of the shipped file.

The costmap follows the rules of Nav2's voxel layer in a plane: every clearing observation frees
the cells between the origin of its frame and each of its points, then every marking one makes the
cells of its points lethal; points beyond their range or height are left out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from ssc_ros.frames import SceneEstimate
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import (
    inverse_rigid,
    level_camera_pose,
    make_rigid,
    transform_points,
)
from ssc_ros.labels import load_label_space

pytestmark = pytest.mark.ros

SPACE = load_label_space('nyu12')
FLOOR, WALL, SOFA = (SPACE.names.index(name) for name in ('floor', 'wall', 'sofa'))
CAMERA = PinholeCamera(180.0, 180.0, 119.5, 89.5, 180, 240)
HEIGHT_M, WALL_M = 1.2, 3.0
RESOLUTION_M = 0.05
# The robot stands somewhere in odom and looks along its x axis.
T_ODOM_CAMERA = make_rigid([[0, 1, 0], [-1, 0, 0], [0, 0, 1]], [4.0, -2.0, 0.0]) @ (
    level_camera_pose(height_m=HEIGHT_M))
FREE, LETHAL, UNKNOWN = 0, 254, 255


class ReferenceCostmap:
    """Cells of 0.05 m around the robot in odom."""

    def __init__(self, root: Path) -> None:
        document = yaml.safe_load((root / 'config/nav2/voxel_layer.yaml').read_text())
        layer = document['local_costmap']['local_costmap']['ros__parameters']['voxel_layer']
        self.sources = {
            layer[name]['topic'].partition('/rgbd_node/')[2]: layer[name]
            for name in layer['observation_sources'].split()}
        self.grid = VoxelGrid((0.0, -6.0, 0.0), RESOLUTION_M, (240, 160, 1))
        self.costs = np.full(self.grid.shape[:2], UNKNOWN, np.uint8)

    def observe(self, messages) -> None:
        """Take messages by topic, clearing before marking as the layer does."""
        for topic, source in sorted(self.sources.items(), key=lambda item: item[1]['marking']):
            message = messages.get(topic)
            if message is not None and source['clearing']:
                self._clear(message, source)
            if message is not None and source['marking']:
                self._mark(message, source)

    def points(self, message, source, range_key):
        """Return points in odom as the observation buffer keeps them."""
        from ssc_ros.messages.cloud_reading import decode_cloud

        assert message.header.frame_id == 'camera'
        cloud = decode_cloud(message)
        points = np.stack([cloud[axis] for axis in 'xyz'], axis=-1).reshape(-1, 3)
        odom = transform_points(T_ODOM_CAMERA, points)
        is_kept = (odom[:, 2] >= source['min_obstacle_height']) & (
            odom[:, 2] <= source['max_obstacle_height'])
        is_kept &= np.isfinite(points).all(axis=1)
        if range_key == 'obstacle_max_range':
            is_kept &= np.linalg.norm(points, axis=1) <= source[range_key]
        return odom[is_kept]

    def _clear(self, message, source) -> None:
        origin = T_ODOM_CAMERA[:3, 3]
        for point in self.points(message, source, 'raytrace_max_range'):
            ray = point - origin
            length = np.linalg.norm(ray[:2])
            reach = min(1.0, source['raytrace_max_range'] / np.linalg.norm(ray))
            steps = np.arange(0, max(length * reach - RESOLUTION_M, 0), RESOLUTION_M / 4)
            self.set(origin[:2] + steps[:, None] * ray[:2] / max(length, 1e-9), FREE)

    def _mark(self, message, source) -> None:
        self.set(self.points(message, source, 'obstacle_max_range')[:, :2], LETHAL)

    def set(self, points, cost) -> None:
        cells, is_inside = self.grid.point_to_index(
            np.column_stack([points, np.full(len(points), 0.01)]))
        self.costs[tuple(cells[is_inside, :2].T)] = cost

    def cost(self, forward_m, left_m):
        """Return the cost of a place before the robot."""
        index, inside = self.grid.point_to_index(
            [[T_ODOM_CAMERA[0, 3] + forward_m, T_ODOM_CAMERA[1, 3] + left_m, 0.01]])
        assert inside.all()
        return int(self.costs[tuple(index[0, :2])])

    def worst(self, forward_m, left_m, radius_m=0.1):
        """Return the highest known cost around a place before the robot."""
        steps = np.arange(-radius_m, radius_m + 1e-6, RESOLUTION_M)
        costs = [self.cost(forward_m + x, left_m + y) for x in steps for y in steps]
        return max((cost for cost in costs if cost != UNKNOWN), default=UNKNOWN)


class Room:
    """A wall 3 m ahead, measured in the left half of the image; things may be put into it."""

    def __init__(self) -> None:
        pose = level_camera_pose(height_m=HEIGHT_M)
        self.box = nyu_placement(pose)
        self.T_level_voxel = pose @ self.box.T_camera_voxel
        shape = self.box.grid.shape
        self.labels = np.zeros(shape, np.uint8)
        self.confidence = np.full(shape, 0.95, np.float32)
        self.observed = np.zeros(shape, np.bool_)
        centers = transform_points(self.T_level_voxel, self.box.grid.centers())
        x, y, z = self.centers = np.moveaxis(centers.reshape(*shape, 3), -1, 0)
        self.labels[z < 0.04] = FLOOR
        self.depth_m = np.zeros(CAMERA.size, np.float32)
        rows = (np.arange(CAMERA.height) - CAMERA.cy) / CAMERA.fy
        to_floor = HEIGHT_M / np.maximum(rows, 1e-6)
        self.depth_m[:] = np.minimum(to_floor, WALL_M)[:, None]
        self.depth_m[:, CAMERA.width // 2:] = 0
        self.put(WALL, forward=(WALL_M, WALL_M + 0.1), left=(0.2, 2.0), up=(0.0, 2.4))
        self.observed[(x < -0.2) & (y < WALL_M)] = True

    def put(self, label, *, forward, left, up, confidence=0.95, observed=True):
        """Let a block stand before the camera; level coordinates are right, forward, up."""
        x, y, z = self.centers
        inside = np.ones(self.labels.shape, np.bool_)
        for values, (low, high) in ((y, forward), (-x, left), (z, up)):
            inside &= (values >= low - 0.04) & (values <= high + 0.04)
        self.labels[inside] = label
        self.confidence[inside], self.observed[inside] = confidence, observed

    def messages(self, *, is_depth_measured=True, **parameters):
        """Return the messages that Nav2 takes, by topic."""
        from ssc_ros.messages.clouds import encode_cloud
        from ssc_ros.nodes.outputs import SCENE_OUTPUTS, Encoders
        from ssc_ros.nodes.scenes import Scene
        from ssc_ros.nodes.settings import OutputParameters

        estimate = SceneEstimate(
            labels=self.labels, confidence=self.confidence, observed=self.observed,
            grid=self.box.grid, T_camera_voxel=self.box.T_camera_voxel, camera=CAMERA,
            label_space=SPACE, image_labels=np.full(CAMERA.size, WALL, np.uint8),
            depth_m=self.depth_m, is_depth_measured=is_depth_measured, frame_id='camera')
        scene = Scene(estimate, T_ODOM_CAMERA, replace(OutputParameters(), **parameters))
        encode = Encoders(cloud=encode_cloud, markers=lambda markers: None)
        return {output.topic.removeprefix('~/'): output.build(scene, encode)
                 for output in SCENE_OUTPUTS if output.topic.startswith('~/nav/')}


@pytest.fixture
def costmap(root):
    return ReferenceCostmap(root)


@pytest.fixture
def room():
    pytest.importorskip('rclpy')
    return Room()


def test_a_wall_is_marked_where_it_stands_and_the_way_to_it_is_free(costmap, room):
    costmap.observe(room.messages())
    assert costmap.worst(WALL_M + 0.05, 1.0) == LETHAL
    assert all(costmap.cost(forward, 0.5) == FREE for forward in np.arange(0.8, 2.6, 0.2))


def test_the_floor_is_no_obstacle(costmap, room):
    costmap.observe(room.messages())
    is_near = costmap.costs[:, :] == LETHAL
    cells = np.argwhere(is_near) * RESOLUTION_M + np.array(costmap.grid.origin_m[:2])
    assert (cells[:, 0] - T_ODOM_CAMERA[0, 3] > WALL_M - 0.2).all()


def test_what_measured_rays_pass_through_is_cleared(costmap, room):
    ahead_left = T_ODOM_CAMERA[:2, 3] + [1.5, 0.5]
    costmap.set(ahead_left[None], LETHAL)
    costmap.observe(room.messages())
    assert costmap.cost(1.5, 0.5) == FREE


def test_hallucinated_free_space_never_clears_a_real_obstacle(costmap, room):
    # To the right nothing was measured and the network sees free space of full confidence.
    ahead_right = T_ODOM_CAMERA[:2, 3] + [1.5, -0.6]
    costmap.set(ahead_right[None], LETHAL)
    room.confidence[room.labels == 0] = 1.0
    for _ in range(10):
        costmap.observe(room.messages(completed_min_confidence=0.0))
    assert costmap.cost(1.5, -0.6) == LETHAL


def test_behind_a_measured_wall_nothing_is_cleared(costmap, room):
    behind = T_ODOM_CAMERA[:2, 3] + [WALL_M + 0.6, 0.8]
    costmap.set(behind[None], LETHAL)
    costmap.observe(room.messages())
    assert costmap.cost(WALL_M + 0.6, 0.8) == LETHAL


def test_without_measured_depth_nothing_is_cleared_at_all(costmap, room):
    costmap.costs[:] = LETHAL
    messages = room.messages(is_depth_measured=False)
    assert messages['nav/clearing'] is None
    costmap.observe(messages)
    assert (costmap.costs == LETHAL).all()


@pytest.mark.parametrize(('confidence', 'observed', 'expected'), [
    (0.9, False, LETHAL), (0.3, False, UNKNOWN), (0.3, True, LETHAL)])
def test_completed_matter_marks_only_where_it_is_certain(
        costmap, room, confidence, observed, expected):
    room.put(SOFA, forward=(2.0, 2.3), left=(-1.2, -0.6), up=(0.1, 0.8), confidence=confidence,
             observed=observed)
    costmap.observe(room.messages())
    assert costmap.worst(2.15, -0.9) == expected


def test_what_hangs_above_the_band_does_not_mark(costmap, room):
    room.put(WALL, forward=(2.0, 2.3), left=(-1.2, -0.6), up=(1.95, 2.5))
    costmap.observe(room.messages())
    assert costmap.worst(2.15, -0.9) == UNKNOWN


def test_the_ground_costs_of_the_bands_agree_with_what_is_marked(room):
    from ssc_ros.messages.occupancy import LETHAL as FULL
    from ssc_ros.messages.occupancy import decode_occupancy_grid
    from ssc_ros.nodes.outputs import Encoders, band_outputs
    from ssc_ros.nodes.scenes import Scene
    from ssc_ros.nodes.settings import OutputParameters

    room.put(SOFA, forward=(2.0, 2.3), left=(0.4, 1.0), up=(0.15, 0.4))
    estimate = SceneEstimate(
        labels=room.labels, confidence=room.confidence, observed=room.observed,
        grid=room.box.grid, T_camera_voxel=room.box.T_camera_voxel, camera=CAMERA,
        label_space=SPACE, frame_id='camera')
    scene = Scene(estimate, T_ODOM_CAMERA, OutputParameters())
    encode = Encoders(cloud=lambda *args: None, markers=lambda markers: None)
    grids = {output.topic: output.build(scene, encode)
             for output in band_outputs(['low:0.1:0.5', 'high:0.5:1.8'])}
    sofa = transform_points(inverse_rigid(room.T_level_voxel), [[-0.7, 2.15, 0.3]])[0]
    origin = np.array(room.box.grid.origin_m)
    column, row = ((sofa - origin)[:2] / room.box.grid.voxel_size_m).astype(int)
    costs = {topic: decode_occupancy_grid(grid) for topic, grid in grids.items()}
    assert costs['~/occupancy_grid/low'][row, column] == FULL
    assert costs['~/occupancy_grid/high'][row, column] != FULL
    assert (costs['~/occupancy_grid/high'] == FULL).any()  # the wall
