"""What the Nav2 files of config/nav2 ask for, the nodes must send, and as costmaps can hear it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.ros

FILES = sorted((Path(__file__).resolve().parents[1] / 'config' / 'nav2').glob('*.yaml'))
TOPIC_TYPES = {
    'topic': 'sensor_msgs/PointCloud2', 'pointcloud_topic': 'sensor_msgs/PointCloud2',
    'segmentation_topic': 'sensor_msgs/Image', 'confidence_topic': 'sensor_msgs/Image',
    'labels_topic': 'vision_msgs/LabelInfo'}


def parameters(path: Path) -> Mapping[str, Any]:
    """Return the parameters of the costmap."""
    costmap = yaml.safe_load(path.read_text())['local_costmap']['local_costmap']
    return costmap['ros__parameters']


def layers(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the layers that take observations."""
    values = parameters(path)
    for name in values['plugins']:
        if 'observation_sources' in values[name]:
            yield values[name]


def sources(path: Path) -> list[Mapping[str, Any]]:
    """Return the observation sources of all layers."""
    return [layer[name] for layer in layers(path) for name in layer['observation_sources'].split()]


def sent_by(node: str) -> dict[str, tuple[str, Any]]:
    """Return type and QoS of everything that a node sends, by resolved topic."""
    from ssc_ros.nodes.class_topics import LABEL_INFO
    from ssc_ros.nodes.image_outputs import IMAGE_OUTPUTS
    from ssc_ros.nodes.outputs import SCENE_OUTPUTS
    from ssc_ros.nodes.qos import latched_qos

    outputs = {'rgbd_node': SCENE_OUTPUTS, 'stereo_node': SCENE_OUTPUTS,
               'segmentation_node': IMAGE_OUTPUTS}[node]
    sent = {output.topic: (output.message_type, output.qos()) for output in outputs}
    sent[LABEL_INFO] = 'vision_msgs/LabelInfo', latched_qos()
    return {topic.replace('~', f'/{node}'): values for topic, values in sent.items()}


def asked_qos(key: str) -> Any:
    """Return what the layers subscribe with, as their sources have it."""
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

    if key == 'labels_topic':
        return QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE,
                          durability=DurabilityPolicy.TRANSIENT_LOCAL)
    return QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT,
                      durability=DurabilityPolicy.VOLATILE)


def test_there_is_a_file_for_each_of_the_three_layers():
    plugins = {layer['plugin'] for path in FILES for layer in layers(path)}
    assert plugins == {
        'nav2_costmap_2d::VoxelLayer', 'spatio_temporal_voxel_layer/SpatioTemporalVoxelLayer',
        'semantic_segmentation_layer::SemanticSegmentationLayer'}


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
class TestEveryFile:
    def test_every_topic_is_sent_with_its_type_and_a_compatible_quality_of_service(self, path):
        from ssc_ros.nodes.compat import misfit_of

        topics = [(key, source[key]) for source in sources(path)
                  for key in TOPIC_TYPES if key in source]
        assert len(topics) >= 2
        for key, topic in topics:
            node = topic.split('/')[1]
            message_type, qos = sent_by(node)[topic]
            assert message_type == TOPIC_TYPES[key], topic
            assert misfit_of(qos, asked_qos(key)) == '', topic

    def test_topics_are_absolute_as_releases_resolve_relative_ones_differently(self, path):
        for source in sources(path):
            assert all(source[key].startswith('/') for key in TOPIC_TYPES if key in source)

    def test_every_layer_is_listed_and_every_listed_source_exists(self, path):
        values = parameters(path)
        assert all('plugin' in values[name] for name in values['plugins'])
        assert all(isinstance(source, Mapping) for source in sources(path))

    def test_tf_may_be_as_late_as_the_network_is_slow(self, path):
        values = parameters(path)
        tolerances = [where['transform_tolerance'] for where in (values, *layers(path))
                      if 'transform_tolerance' in where]
        assert min(tolerances) >= 0.5

    def test_numbers_are_written_with_a_decimal_point_where_the_layer_takes_doubles(self, path):
        doubles = {'max_obstacle_height', 'min_obstacle_height', 'obstacle_max_range',
                   'obstacle_min_range', 'raytrace_max_range', 'raytrace_min_range',
                   'obstacle_range', 'observation_persistence', 'origin_z', 'z_resolution',
                   'voxel_size', 'voxel_decay', 'min_z', 'max_z', 'horizontal_fov_angle',
                   'vertical_fov_angle', 'decay_acceleration', 'transform_tolerance',
                   'max_obstacle_distance', 'min_obstacle_distance', 'tile_map_decay_time'}
        for where in (parameters(path), *layers(path), *sources(path)):
            wrong = {key for key in doubles & set(where) if not isinstance(where[key], float)}
            assert wrong == set()


@pytest.mark.parametrize(
    'path', [path for path in FILES if path.stem != 'semantic_layer'], ids=lambda path: path.stem)
class TestObstacleSources:
    def test_marking_and_clearing_are_sources_of_their_own(self, path):
        roles = {source['topic'].partition('/nav/')[2]: (source['marking'], source['clearing'])
                 for source in sources(path)}
        assert roles == {'obstacles': (True, False), 'clearing': (False, True)}

    def test_heights_ranges_and_type_are_not_left_at_the_defaults_that_mark_nothing(self, path):
        from ssc_ros.nodes.settings import OutputParameters

        for source in sources(path):
            assert source['data_type'] == 'PointCloud2'
            assert source['max_obstacle_height'] >= 2.0
            assert source['max_obstacle_height'] >= OutputParameters().obstacle_max_height_m
            reach = {'obstacle_max_range', 'raytrace_max_range', 'obstacle_range', 'max_z'}
            assert max(source[key] for key in reach & set(source)) >= 4.8

    def test_rays_that_end_on_an_uneven_floor_clear_too(self, path):
        clearing, = (source for source in sources(path) if source['clearing'])
        assert clearing['min_obstacle_height'] < 0


def test_the_classes_of_the_semantic_layer_are_those_of_the_weights_it_is_for():
    from ssc_ros.labels import load_label_space
    from ssc_ros.nodes.settings import SegmentationParameters
    from ssc_ros.weights import find_bundle, read_bundle_config

    path, = (path for path in FILES if path.stem == 'semantic_layer')
    weights = SegmentationParameters().model.weights
    space = load_label_space(read_bundle_config(find_bundle(weights))['label_space'])
    source, = sources(path)
    named = [name for kind in source['class_types'] for name in source[kind]['classes']]
    assert set(named) <= set(space.names) and len(set(named)) == len(named)
    for kind in source['class_types']:
        costs = {int(space.cost_table[space.names.index(name)])
                 for name in source[kind]['classes']}
        assert {round(254 * cost / 100) for cost in costs} == {source[kind]['max_cost']}, kind
    with_cost = {name for name, cost in zip(space.names, space.costs, strict=True) if cost >= 0}
    assert set(named) == with_cost


def test_the_voxel_layer_has_no_more_cells_than_it_can_keep_and_they_reach_its_height():
    path, = (path for path in FILES if path.stem == 'voxel_layer')
    layer, = layers(path)
    assert layer['z_voxels'] <= 16
    assert layer['z_voxels'] * layer['z_resolution'] >= layer['max_obstacle_height']
