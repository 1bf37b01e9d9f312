"""
What launch files, parameter files and RViz configurations promise, the nodes must keep.

The launch files are executed against small stand-ins for ``launch`` and ``launch_ros``, so that
this runs on every machine; test/launch runs them for real where the launch system is installed.
"""

from __future__ import annotations

import ast
import importlib
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
LAUNCH_FILES = sorted((ROOT / 'launch').rglob('*.launch.py'))
CONFIG_FILES = sorted((ROOT / 'config').glob('*.yaml'))
RVIZ_FILES = sorted((ROOT / 'rviz').glob('*.rviz'))


class Thing:
    """Any action or description: keeps what it was made from."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.args, self.options = args, options


class Argument(Thing):
    @property
    def name(self) -> str:
        return str(self.args[0])


class Node(Thing):
    pass


class Opaque(Thing):
    pass


class Configuration(Thing):
    def perform(self, context: Any) -> str:
        return str(context.launch_configurations[self.args[0]])


class SharedPath(Thing):
    def perform(self, context: Any) -> str:
        return str(ROOT.joinpath(*self.args[0][1:]))


STAND_INS = {
    'launch': {'LaunchContext': Thing, 'LaunchDescription': list},
    'launch.actions': {
        'DeclareLaunchArgument': Argument, 'OpaqueFunction': Opaque,
        'SetEnvironmentVariable': Thing, 'Shutdown': Thing},
    'launch.conditions': {'IfCondition': Thing},
    'launch.substitutions': {
        'LaunchConfiguration': Configuration, 'PathJoinSubstitution': SharedPath},
    'launch_ros': {},
    'launch_ros.actions': {'Node': Node},
    'launch_ros.parameter_descriptions': {'ParameterFile': Thing, 'ParameterValue': Thing},
    'launch_ros.substitutions': {'FindPackageShare': Thing},
}


@pytest.fixture
def launching(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return ssc_ros.launching on the stand-ins."""
    for name, members in STAND_INS.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, 'ssc_ros.launching', raising=False)
    yield importlib.import_module('ssc_ros.launching')
    sys.modules.pop('ssc_ros.launching', None)


class Launched:
    """One launch file with its arguments at their defaults, or as given."""

    def __init__(self, path: Path, given: Mapping[str, str] | None = None) -> None:
        self.actions = runpy.run_path(str(path))['generate_launch_description']()
        self.arguments = [a for a in self.actions if isinstance(a, Argument)]
        self.context = SimpleNamespace(launch_configurations={})
        for argument in self.arguments:
            default = argument.options['default_value']
            self.context.launch_configurations[argument.name] = self.perform(default)
        self.context.launch_configurations.update(given or {})

    def perform(self, value: Any) -> str:
        return value.perform(self.context) if hasattr(value, 'perform') else str(value)

    @property
    def nodes(self) -> list[Node]:
        """All nodes of this package."""
        created = [action.options['function'](self.context) for action in self.actions
                   if isinstance(action, Opaque)]
        return [node for nodes in created for node in nodes]


@pytest.fixture(params=LAUNCH_FILES, ids=lambda path: path.name)
def launched(request: pytest.FixtureRequest, launching: ModuleType) -> Launched:
    return Launched(request.param)


@pytest.fixture(scope='module')
def parameter_classes() -> Mapping[str, type[Any]]:
    """Return the parameter dataclass of every executable."""
    pytest.importorskip('rclpy')
    return runpy.run_path(str(ROOT / 'docs' / 'generate.py'))['NODE_PARAMETERS']


def entry_points() -> set[str]:
    """Return the node executables that setup.py installs."""
    tree = ast.parse((ROOT / 'setup.py').read_text())
    values = {node.targets[0].id: node.value for node in ast.walk(tree)
              if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    return set(ast.literal_eval(values['NODES']))


def flat(values: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """Join nested parameter names by dots, as ROS does."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        is_group = isinstance(value, Mapping)
        result.update(flat(value, f'{prefix}{name}.') if is_group else {prefix + name: value})
    return result


def file_parameters(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (executable, parameters) of a parameter file; /** stands for its name."""
    for key, section in yaml.safe_load(path.read_text()).items():
        yield (path.stem if key == '/**' else key.rpartition('/')[2],
               flat(section['ros__parameters']))


def topics_of(executable: str) -> set[str]:
    """Return the topics a node listens to and sends, as its code names them."""
    from ssc_ros.nodes import (
        bag_player_node,
        class_topics,
        evaluator_node,
        mapping_node,
        poses,
        rgbd_node,
        segmentation_node,
        stereo_node,
    )

    if executable == 'bag_player_node':
        return {bag_player_node.BagPlayerParameters().lockstep_topic}
    if executable == 'evaluator_node':
        return {evaluator_node.ESTIMATE, evaluator_node.GROUND_TRUTH}
    cls: type[Any] = {'stereo_node': stereo_node.StereoNode, 'rgbd_node': rgbd_node.RgbdNode,
                      'mapping_node': mapping_node.MappingNode,
                      'segmentation_node': segmentation_node.SegmentationNode}[executable]
    sent = {output.topic for output in outputs_of(executable)}
    inputs, other = cls.image_inputs, {
        class_topics.LABEL_INFO, class_topics.CLASS_TABLE, class_topics.LEGEND}
    if executable == 'segmentation_node':
        inputs = (segmentation_node.COLOR, segmentation_node.DEPTH)
    else:
        other |= {poses.ODOMETRY_TOPIC}
    images = {topic for spec in inputs for topic in (spec.topic, spec.info_topic)}
    return images - {''} | other | sent


def outputs_of(executable: str) -> tuple[Any, ...]:
    """Return what a perception node sends of every frame."""
    from ssc_ros.nodes.fused_outputs import FUSED_OUTPUTS
    from ssc_ros.nodes.image_outputs import IMAGE_OUTPUTS
    from ssc_ros.nodes.mapping_outputs import MAP_OUTPUTS
    from ssc_ros.nodes.outputs import SCENE_OUTPUTS

    return {'segmentation_node': IMAGE_OUTPUTS, 'mapping_node': MAP_OUTPUTS}.get(
        executable, (*SCENE_OUTPUTS, *FUSED_OUTPUTS))


class TestLaunchFiles:
    def test_there_is_one_per_promised_system(self):
        assert {path.name for path in LAUNCH_FILES} >= {
            'occdepth_stereo.launch.py', 'occdepth_rgbd.launch.py', 'ammnet_rgbd.launch.py',
            'imenet_rgbd.launch.py',
            'gad_segmentation.launch.py', 's4r_mapping.launch.py', 'replay_eval.launch.py'}

    def test_every_argument_is_described_once_and_its_default_is_a_choice(self, launched):
        names = [argument.name for argument in launched.arguments]
        assert len(set(names)) == len(names)
        for argument in launched.arguments:
            assert argument.options['description'], argument.name
            choices = argument.options.get('choices')
            default = launched.context.launch_configurations[argument.name]
            assert choices is None or default in choices, argument.name

    def test_the_arguments_users_know_from_other_packages_exist(self, launched):
        assert {argument.name for argument in launched.arguments} >= {
            'namespace', 'use_sim_time', 'params_file', 'autostart', 'log_level', 'use_respawn',
            'use_rviz', 'rviz_config', 'weights', 'device'}

    def test_every_default_file_is_part_of_the_package(self, launched):
        values = launched.context.launch_configurations
        paths = {name: Path(value) for name, value in values.items()
                 if value.startswith(str(ROOT))}
        assert {'params_file', 'rviz_config'} <= set(paths)
        assert [name for name, path in paths.items() if not path.exists()] == []

    def test_every_executable_is_an_entry_point_with_a_main_function(self, launched):
        for node in launched.nodes:
            executable = node.options['executable']
            assert node.options['package'] == 'ssc_ros'
            assert executable in entry_points()
            source = (ROOT / 'ssc_ros' / 'nodes' / f'{executable}.py').read_text()
            assert any(isinstance(item, ast.FunctionDef) and item.name == 'main'
                       for item in ast.parse(source).body)

    @pytest.mark.ros
    def test_every_remapped_topic_exists(self, launched):
        for node in launched.nodes:
            known = topics_of(node.options['executable']) | {'/tf', '/tf_static'}
            remapped = {source for source, _ in node.options['remappings']}
            assert remapped <= known, node.options['executable']

    @pytest.mark.ros
    def test_the_camera_topics_of_a_perception_node_can_all_be_remapped(self, launched):
        for node in launched.nodes:
            if node.options['executable'] in (
                    'stereo_node', 'rgbd_node', 'segmentation_node', 'mapping_node'):
                inputs = {topic for topic in topics_of(node.options['executable'])
                          if not topic.startswith('~')}
                assert inputs <= {source for source, _ in node.options['remappings']}

    @pytest.mark.ros
    def test_every_overriding_argument_sets_a_declared_parameter_of_its_type(
            self, launched, parameter_classes):
        from ssc_ros.nodes.parameters import parameter_reference

        for name in launched.context.launch_configurations:
            launched.context.launch_configurations[name] = '1.0'
        types = {'string': str, 'double': float, 'bool': bool, 'integer': int}
        for node in launched.nodes:
            entries = {entry.name: entry for entry in parameter_reference(
                parameter_classes[node.options['executable']])}
            _, common, given = node.options['parameters']
            assert set(common) - {'use_sim_time'} <= set(entries)
            for parameter, value in given.items():
                assert value.options['value_type'] is types[entries[parameter].type_name]

    def test_arguments_left_empty_leave_the_parameter_file_alone(self, launching):
        node, = Launched(ROOT / 'launch' / 'occdepth_stereo.launch.py').nodes
        assert len(node.options['parameters']) == 2
        node, = Launched(
            ROOT / 'launch' / 'occdepth_stereo.launch.py', {'weights': 'dummy'}).nodes
        assert set(node.options['parameters'][2]) == {'model.weights'}


class TestParameterFiles:
    @pytest.mark.ros
    @pytest.mark.parametrize('path', CONFIG_FILES, ids=lambda path: path.name)
    def test_every_parameter_is_declared_and_its_value_is_accepted(self, path, parameter_classes):
        from ssc_ros.nodes.parameters import build_parameters

        for executable, values in file_parameters(path):
            build_parameters(parameter_classes[executable], values)

    @pytest.mark.ros
    @pytest.mark.parametrize('path', CONFIG_FILES, ids=lambda path: path.name)
    def test_doubles_are_written_with_a_decimal_point(self, path, parameter_classes):
        from ssc_ros.nodes.parameters import parameter_reference

        for executable, values in file_parameters(path):
            entries = parameter_reference(parameter_classes[executable])
            doubles = {entry.name for entry in entries if entry.type_name == 'double'}
            assert all(isinstance(values[name], float) for name in doubles & set(values))

    @pytest.mark.parametrize('path', CONFIG_FILES, ids=lambda path: path.name)
    def test_weights_that_are_named_can_be_loaded(self, path):
        from ssc_ros.commands.network import describe_weights

        for executable, values in file_parameters(path):
            weights = values.get('model.weights')
            placement = '' if executable in ('segmentation_node', 'mapping_node') else 'nyu'
            assert weights is None or describe_weights(weights).placement == placement

    @pytest.mark.ros
    def test_generated_files_are_up_to_date(self):
        documents = runpy.run_path(str(ROOT / 'docs' / 'generate.py'))['documents']()
        stale = [path.name for path, text in documents.items()
                 if not path.is_file() or path.read_text(encoding='utf-8') != text]
        assert stale == [], 'run `make docs`'

    @pytest.mark.ros
    def test_every_node_has_a_file(self, parameter_classes):
        assert set(parameter_classes) == entry_points()
        assert {path.stem for path in CONFIG_FILES} >= entry_points()


def rviz_displays(path: Path) -> list[Mapping[str, Any]]:
    displays = yaml.safe_load(path.read_text())['Visualization Manager']['Displays']
    return [display for display in displays if 'Topic' in display]


@pytest.mark.ros
@pytest.mark.parametrize('path', RVIZ_FILES, ids=lambda path: path.name)
class TestRvizFiles:
    def node(self, path: Path) -> str:
        if 'segmentation' in path.name:
            return 'segmentation_node'
        if 'mapping' in path.name:
            return 'mapping_node'
        return 'rgbd_node' if 'rgbd' in path.name else 'stereo_node'

    def test_every_topic_is_sent_by_the_node_or_comes_from_the_camera(self, path):
        node = self.node(path)
        topics = {topic.replace('~', node) for topic in topics_of(node)}
        topics |= {'/stereo/left/image_rect_color/compressed'}  # of the sample bag
        assert {display['Topic']['Value'] for display in rviz_displays(path)} <= topics

    def test_every_view_of_the_node_has_a_display_and_the_heavy_ones_wait_to_be_asked(self, path):
        node = self.node(path)
        views = {output.topic.replace('~', node) for output in outputs_of(node)
                 if output.message_type == 'visualization_msgs/MarkerArray'
                 or output.topic == '~/fused/points'}
        enabled = {display['Topic']['Value']: display['Enabled']
                   for display in rviz_displays(path)}
        assert {*views, f'{node}/legend'} <= set(enabled)
        duplicates = views - {'mapping_node/mesh'}
        assert enabled[f'{node}/legend'] and not any(enabled[topic] for topic in duplicates)

    def test_the_quality_of_service_is_that_of_the_publisher(self, path):
        from ssc_ros.nodes.qos import latched_qos

        node = self.node(path)
        offered = {output.topic.replace('~', node): output.qos() for output in outputs_of(node)}
        offered[f'{node}/legend'] = latched_qos()
        for display in rviz_displays(path):
            topic = display['Topic']
            asked = (topic['Reliability Policy'], topic['Durability Policy'])
            qos = offered.get(topic['Value'])
            expected = ('Best Effort', 'Volatile') if qos is None else tuple(
                policy.name.replace('_', ' ').title()
                for policy in (qos.reliability, qos.durability))
            assert asked == expected, topic['Value']

    def test_voxels_are_drawn_as_boxes_of_their_size_and_pixels_as_points(self, path):
        if self.node(path) == 'segmentation_node':
            cloud = next(d for d in rviz_displays(path) if d['Name'] == 'Labelled points')
            assert (cloud['Style'], cloud['Color Transformer']) == ('Points', 'RGB8')
            return
        size_m = 0.04 if self.node(path) == 'mapping_node' else 0.08
        cloud = next(d for d in rviz_displays(path) if d['Name'] == 'Voxels')
        assert (cloud['Style'], cloud['Size (m)'], cloud['Color Transformer']) == (
            'Boxes', size_m, 'RGB8')

    def test_every_display_kind_is_one_of_rviz_for_that_message(self, path):
        kinds = {output.topic.replace('~', self.node(path)): output.message_type.split('/')[1]
                 for output in outputs_of(self.node(path))}
        for display in rviz_displays(path):
            expected = kinds.get(display['Topic']['Value'])
            kind = display['Class'].rpartition('/')[2].replace('Map', 'OccupancyGrid')
            assert expected in (None, kind)
