"""Every camera recipe, fed over DDS with what the driver of that camera publishes."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

pytestmark = pytest.mark.ros

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / 'launch' / 'cameras').glob('*.launch.py'))
OUTPUTS = {'stereo_node': ('PointCloud2', 'voxels/points'),
           'rgbd_node': ('PointCloud2', 'voxels/points'),
           'segmentation_node': ('PointCloud2', 'semantic_points'),
           'mapping_node': ('PointCloud2', 'voxels/points')}
STAMP_NS, PERIOD_NS = 1_700_000_000_123_456_789, 100_000_000
CHANNELS = {'rgb8': 3, 'bgr8': 3, 'bgra8': 4, 'mono8': 1}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a launch file says of its node."""

    executable: str
    remappings: Mapping[str, str]
    params_file: Path


@pytest.fixture(scope='module')
def contract(load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the module with stand-ins for the launch system."""
    return load_module(ROOT / 'test' / 'test_contract.py')


@pytest.fixture
def read_recipe(
    contract: ModuleType, monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[Path], Recipe]]:
    """Return a reader of launch files, all arguments at their defaults."""
    for name, members in contract.STAND_INS.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules.pop('ssc_ros.launching', None)

    def read(path: Path) -> Recipe:
        launched = contract.Launched(path)
        node, = launched.nodes

        def text(value: Any) -> str:
            parts = value if isinstance(value, list) else [value]
            return ''.join(launched.perform(part) for part in parts)

        return Recipe(
            node.options['executable'],
            {source: text(target) for source, target in node.options['remappings']
             if not source.startswith('/tf')},
            Path(launched.context.launch_configurations['params_file']))

    yield read
    sys.modules.pop('ssc_ros.launching', None)


def fixture_of(path: Path) -> dict[str, Any]:
    """Return what the driver of a recipe's camera publishes."""
    camera = path.name.removesuffix('.launch.py')
    name = camera if camera == 'generic_stereo' else camera.partition('_')[0]
    result: dict[str, Any] = yaml.safe_load((ROOT / f'test/cameras/{name}.yaml').read_text())
    return result


def driver_qos(values: Mapping[str, Any]) -> Any:
    from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

    return QoSProfile(
        depth=values['depth'], reliability=ReliabilityPolicy[values['reliability'].upper()],
        durability=DurabilityPolicy[values['durability'].upper()])


def pixels(topic: Mapping[str, Any]) -> np.ndarray:
    """Return (H, step) bytes: a grey ramp, or depth of 2.5 m with all kinds of holes."""
    width, height = topic['size']
    rows = np.zeros((height, topic['step']), np.uint8)
    encoding = topic['encoding']
    if encoding == '16UC1':
        values = np.full((height, width), 2500, '<u2')
        values[:40] = 0
    elif encoding == '32FC1':
        values = np.full((height, width), 2.5, '<f4')
        values[:10], values[10:20], values[20:40] = np.nan, -np.inf, np.inf
    else:
        ramp = np.linspace(0, 255, width).astype(np.uint8)
        values = np.broadcast_to(
            ramp[None, :, None], (height, width, CHANNELS[encoding])).reshape(height, -1)
    data = np.ascontiguousarray(values).view(np.uint8).reshape(height, -1)
    rows[:, :data.shape[1]] = data
    return rows


def message(topic: Mapping[str, Any]) -> Any:
    """Return a message as the driver would send it."""
    from ssc_ros.messages.classes import byte_array, new_message
    from ssc_ros.messages.headers import make_header

    width, height = topic['size']
    common = {'header': make_header(STAMP_NS, topic['frame_id']), 'width': width, 'height': height}
    if topic['type'] == 'sensor_msgs/CameraInfo':
        return new_message(
            topic['type'], **common, distortion_model=topic['distortion_model'], d=topic['d'],
            k=topic['k'], r=topic['r'], p=topic['p'])
    return new_message(
        topic['type'], **common, encoding=topic['encoding'], step=topic['step'],
        is_bigendian=topic['is_bigendian'], data=byte_array(pixels(topic)))


def create_node(recipe: Recipe, estimator: Any) -> Any:
    """Start the node as its launch file does, but with an estimator that is given."""
    from rclpy.parameter import Parameter

    from ssc_ros.models.estimator import DummyImageEstimator
    from ssc_ros.models.volumes import DummyVolumeEstimator
    from ssc_ros.nodes.mapping_node import MappingNode
    from ssc_ros.nodes.rgbd_node import RgbdNode
    from ssc_ros.nodes.segmentation_node import SegmentationNode
    from ssc_ros.nodes.stereo_node import StereoNode

    cls: Any = {'stereo_node': StereoNode, 'rgbd_node': RgbdNode,
                'segmentation_node': SegmentationNode,
                'mapping_node': MappingNode}[recipe.executable]
    network = {SegmentationNode: DummyImageEstimator, MappingNode: DummyVolumeEstimator}.get(
        cls, lambda: estimator)()
    quick = {'map.extent_m': 6.4, 'outputs.period_s': 0.05} if cls is MappingNode else {}
    remaps = [word for source, target in recipe.remappings.items()
              for word in ('-r', f'{source}:={target}')]
    return cls(
        load=lambda *args, **options: network,
        cli_args=['--ros-args', *remaps, '--params-file', str(recipe.params_file)],
        parameter_overrides=[Parameter(name, value=value) for name, value in quick.items()])


def odometry(frame_id: str) -> Any:
    """Return a level camera that looks along x, one metre above the floor."""
    from nav_msgs.msg import Odometry

    from ssc_ros.messages.headers import make_header

    result = Odometry(header=make_header(STAMP_NS, 'odom'), child_frame_id=frame_id)
    result.pose.pose.position.z = 1.0
    turn = result.pose.pose.orientation
    turn.x, turn.y, turn.z, turn.w = -0.5, 0.5, -0.5, 0.5
    return result


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.name.partition('.')[0])
def test_what_the_driver_publishes_gives_output(graph, estimator, read_recipe, path):
    import sensor_msgs.msg
    from nav_msgs.msg import Odometry

    from ssc_ros.messages.headers import make_stamp

    recipe, fixture = read_recipe(path), fixture_of(path)
    is_mapping = recipe.executable == 'mapping_node'
    node = graph.add(create_node(recipe, estimator))
    graph.wait(lambda: node.state == 'active')
    used = [name for name in recipe.remappings.values() if name in fixture['topics']]
    assert set(recipe.remappings) - {'odom'} == {
        source for source, target in recipe.remappings.items() if target in used}
    publishers = {
        name: graph.tester.create_publisher(
            getattr(sensor_msgs.msg, fixture['topics'][name]['type'].partition('/')[2]), name,
            driver_qos(fixture['qos'])) for name in used}
    messages = {name: message(fixture['topics'][name]) for name in used}
    first = next(name for name in used if 'image' in name and 'depth' not in name)
    frame_id = fixture['topics'][first]['frame_id']
    if is_mapping:
        publishers['odom'] = graph.tester.create_publisher(Odometry, 'odom', 5)
        messages['odom'] = odometry(frame_id)
    kind, output = OUTPUTS[recipe.executable]
    topic = f'/{recipe.executable}/{output}'
    received = graph.collect(getattr(sensor_msgs.msg, kind), topic)
    graph.wait(lambda: all(item.get_subscription_count() for item in publishers.values()))
    graph.wait(lambda: any(item.topic_name == topic and item.get_subscription_count()
                           for item in node.publishers))
    attempts = 0
    while attempts < 10 and not received.messages:  # best effort may lose a large message
        for name in sorted(publishers, key=lambda name: 'image' in name or 'depth' in name):
            messages[name].header.stamp = make_stamp(STAMP_NS + attempts * PERIOD_NS)
            publishers[name].publish(messages[name])
        attempts += 1
        received.wait(1, timeout_s=4)
    cloud = received.wait(1, timeout_s=0)[0]
    assert cloud.header.frame_id == ('odom' if is_mapping else frame_id)
    stamp_ns = cloud.header.stamp.sec * 10**9 + cloud.header.stamp.nanosec
    assert (stamp_ns - STAMP_NS) % PERIOD_NS == 0
    assert cloud.width * cloud.height > 0
    assert attempts > 1 or node.totals.dropped == {}


@pytest.mark.parametrize('path', RECIPES, ids=lambda path: path.name.partition('.')[0])
def test_its_parameters_are_those_of_a_node_and_name_what_ships(path, read_recipe, root):
    from ssc_ros.nodes.parameters import build_parameters, parameter_reference

    classes = runpy.run_path(str(root / 'docs' / 'generate.py'))['NODE_PARAMETERS']
    recipe = read_recipe(path)
    for key, section in yaml.safe_load(recipe.params_file.read_text()).items():
        values = flat(section['ros__parameters'])
        executable = key.rpartition('/')[2]
        cls = classes[recipe.executable if executable == '**' else executable]
        build_parameters(cls, values)
        doubles = {entry.name for entry in parameter_reference(cls)
                   if entry.type_name == 'double'}
        assert all(isinstance(values[name], float) for name in doubles & set(values))


def flat(values: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in values.items():
        result.update(flat(value, f'{prefix}{name}.') if isinstance(value, Mapping)
                      else {prefix + name: value})
    return result


@pytest.mark.parametrize(('camera', 'driver'), [
    ('realsense', 'realsense2_camera 4.55.1'), ('zed', 'zed_wrapper 5.4.1'),
    ('orbbec', 'orbbec_camera 2.6.3')])
def test_the_driver_of_a_camera_is_named_with_its_version(camera, driver):
    files = [*(ROOT / 'launch/cameras').glob(f'{camera}_*'), ROOT / f'test/cameras/{camera}.yaml',
             ROOT / f'config/cameras/{camera}.yaml', ROOT / 'docs/bring_your_own_camera.md']
    assert len(files) >= 6
    assert [path.name for path in files if driver not in path.read_text()] == []
