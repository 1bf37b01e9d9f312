"""What every node listens to, sends and serves; docs/topics.md and tables are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from rclpy.qos import QoSProfile

from ssc_ros.nodes import bag_player_node, evaluator_node, viewer_node
from ssc_ros.nodes.class_topics import CLASS_TABLE, LABEL_INFO, LEGEND
from ssc_ros.nodes.fused_outputs import FUSED_OUTPUTS
from ssc_ros.nodes.health_topic import DIAGNOSTICS_TOPIC
from ssc_ros.nodes.image_outputs import IMAGE_OUTPUTS
from ssc_ros.nodes.inputs import ImageInput
from ssc_ros.nodes.mapping_outputs import MAP_OUTPUTS
from ssc_ros.nodes.outputs import SCENE_OUTPUTS, Output, band_outputs
from ssc_ros.nodes.poses import ODOMETRY_DEPTH, ODOMETRY_TOPIC
from ssc_ros.nodes.qos import latched_qos, output_qos, sensor_qos
from ssc_ros.nodes.rgbd_node import RgbdNode
from ssc_ros.nodes.segmentation_node import COLOR, DEPTH
from ssc_ros.nodes.settings import OutputParameters
from ssc_ros.nodes.stage_topics import STAGES, stage_topic
from ssc_ros.nodes.stereo_node import StereoNode
from ssc_ros.nodes.timing_log import WRITE_SERVICE

OPTICAL, FUSED, MAP = 'of the image', '`fusion.frame`', '`pose.world_frame`'


@dataclass(frozen=True, slots=True)
class Interface:
    """
    One topic or service.

    Attributes:
        name: as the node's code spells it: relative, or ``~/`` below the node's name.
        type_name: message or service type, empty = that of the bag or of a parameter.
        when: when it is there or sent.
        qos: of a topic; empty for services.
        frame: frame_id of the messages, empty = they have none.
    """

    kind: Literal['listens', 'sends', 'serves']
    name: str
    type_name: str
    description: str
    when: str = ''
    qos: Callable[[], QoSProfile] | None = None
    frame: str = ''


@dataclass(frozen=True, slots=True)
class NodeReference:
    """One executable in words, and its interfaces."""

    takes: str
    network: str
    gives: str
    interfaces: tuple[Interface, ...]


def _listens(
    name: str, type_name: str, description: str, when: str = 'active', *,
    qos: Callable[[], QoSProfile] = sensor_qos, frame: str = '',
) -> Interface:
    return Interface('listens', name, type_name, description, when, qos, frame)


def _sends(
    name: str, type_name: str, description: str, when: str = 'subscribed', *,
    qos: Callable[[], QoSProfile] = output_qos, frame: str = '',
) -> Interface:
    return Interface('sends', name, type_name, description, when, qos, frame)


def _serves(name: str, type_name: str, description: str, when: str = 'always') -> Interface:
    return Interface('serves', name, f'std_srvs/{type_name}', description, when)


def _images(inputs: Iterable[ImageInput], when: Mapping[str, str] | None = None) -> tuple[
        Interface, ...]:
    result = []
    for source in inputs:
        active = (when or {}).get(source.name, 'active')
        what = 'colour or grey, rectified unless input.rectify' if source.kind == 'color' else (
            'depth, 16UC1 mm or 32FC1 m, registered to colour')
        result.append(_listens(
            source.topic, 'sensor_msgs/Image', f'{what}; with input.transport compressed '
            'CompressedImage on the topic below it', active, frame=OPTICAL))
        if source.info_topic:
            result.append(_listens(
                source.info_topic, 'sensor_msgs/CameraInfo', 'calibration', active,
                frame=OPTICAL))
    return tuple(result)


def _outputs(outputs: Iterable[Output], frame: str, when: str = 'subscribed') -> tuple[
        Interface, ...]:
    return tuple(_sends(output.topic, output.message_type, output.description, when,
                        qos=output.qos, frame=frame) for output in outputs)


def odometry_qos() -> QoSProfile:
    """Return that of the pose source."""
    return sensor_qos(ODOMETRY_DEPTH)


def many_qos() -> QoSProfile:
    """Return that of small messages of which none should be lost."""
    return output_qos(10)


def _poses(when: str) -> tuple[Interface, ...]:
    return (
        _listens(ODOMETRY_TOPIC, 'nav_msgs/Odometry', 'pose of the optical frame', when,
                 qos=odometry_qos, frame='parent of the optical frame'),)


PERCEPTION = (
    _sends(CLASS_TABLE, 'std_msgs/String', 'label space as JSON: ids, names, colours, costs',
           'activated', qos=latched_qos),
    _sends(LEGEND, 'sensor_msgs/Image', 'colours and names of the classes, rgb8', 'activated',
           qos=latched_qos),
    _sends(LABEL_INFO, 'vision_msgs/LabelInfo', 'names of the ids for Nav2',
           'activated, where vision_msgs is installed', qos=latched_qos),
    _sends(DIAGNOSTICS_TOPIC, 'diagnostic_msgs/DiagnosticArray',
           'state, what is wrong and what to do, counts, drops by reason, time per stage',
           'every second, in every state', qos=many_qos),
    *(_sends(stage_topic(stage), 'std_msgs/Float64', text, qos=many_qos)
      for stage, text in STAGES.items()),
    _serves('~/enable', 'SetBool', 'false drops all images and keeps the node active'),
    _serves('~/reset', 'Trigger', 'forgets waiting images, poses and timings'),
    _serves(WRITE_SERVICE, 'Trigger',
            'writes the times of the last timings.frames frames as CSV into files_directory'),
)
SCENES = (
    *_poses('active, with pose.source odometry'),
    *_outputs(SCENE_OUTPUTS, OPTICAL),
    *_outputs(band_outputs(OutputParameters().grid_bands), OPTICAL,
              'subscribed, one per outputs.grid_bands'),
    *_outputs(FUSED_OUTPUTS, FUSED, 'subscribed, with fusion.enabled'),
    *PERCEPTION,
    _serves('~/reset_map', 'Trigger', 'empties the fused map'),
    _serves('~/save_map', 'Trigger', 'writes the fused map to fusion.map_file'),
    _serves('~/load_map', 'Trigger', 'reads the fused map from fusion.map_file'),
)
NODES: Mapping[str, NodeReference] = {
    'stereo_node': NodeReference(
        'rectified stereo pair, or a raw one', 'OccDepth',
        'voxels, clouds, label image, depth, Nav2 inputs, map fused over time',
        (*_images(StereoNode.image_inputs), *SCENES)),
    'rgbd_node': NodeReference(
        'colour and registered depth', 'AMMNet, IMENet, or OccDepth on a virtual stereo pair',
        'the same; IMENet labels the image itself, in as many iterations as one likes',
        (*_images(RgbdNode.image_inputs), *SCENES)),
    'segmentation_node': NodeReference(
        'colour image, depth where there is some', 'GAD',
        "label image, depth, labelled points, inputs of Nav2's segmentation layer",
        (*_images((COLOR, DEPTH), {DEPTH.name: 'active, with depth.source topic'}),
         *_outputs(IMAGE_OUTPUTS, OPTICAL), *PERCEPTION)),
    'mapping_node': NodeReference(
        'colour and registered depth with poses', 'S4R',
        'map of measured and completed voxels, mesh',
        (*_images(RgbdNode.image_inputs), *_poses('active, with pose.source odometry'),
         *_outputs(MAP_OUTPUTS, MAP, 'subscribed, when the map changed'), *PERCEPTION,
         _serves('~/save', 'Trigger', 'writes the map to map.file'),
         _serves('~/load', 'Trigger', 'reads the map from map.file'),
         _serves('~/export_mesh', 'Trigger', 'writes the surface as PLY to map.file'))),
    'bag_player_node': NodeReference(
        'rosbag2 (mcap, sqlite3)', '-', 'its messages, at pace or in lockstep',
        (_sends('<topics of the bag>', '', 'messages of the bag, byte for byte', 'active',
                qos=lambda: output_qos(bag_player_node.QUEUE_DEPTH), frame='as recorded'),
         _sends('/clock', 'rosgraph_msgs/Clock', 'time of the bag', 'active, with clock_hz',
                qos=lambda: output_qos(1)),
         _listens('<lockstep_topic>', '', 'answers of the node under test',
                  'configured, with lockstep_topic', qos=lambda: output_qos(20)))),
    'bag_recorder_node': NodeReference(
        'any topics', '-', 'rosbag2 (mcap, sqlite3)',
        (_listens('<topics>', '', 'every topic that matches, with the QoS of its publishers',
                  'active', qos=lambda: output_qos(100), frame='as sent'),)),
    'evaluator_node': NodeReference(
        'estimates and ground truth', '-', 'the SC / SSC table, streamed',
        tuple(_listens(name, 'sensor_msgs/Image', 'label volume or label image',
                       qos=lambda: output_qos(evaluator_node.QUEUE_DEPTH), frame='any')
              for name in (evaluator_node.ESTIMATE, evaluator_node.GROUND_TRUTH))),
    'viewer_node': NodeReference(
        'outputs of a node', '-', 'a page on localhost, where there is no RViz',
        (_listens('left/image_rect', 'sensor_msgs/Image', 'camera image', frame=OPTICAL),
         _listens('left/camera_info', 'sensor_msgs/CameraInfo', 'its calibration',
                  frame=OPTICAL),
         *(_listens(f'<source>/{name}', f'sensor_msgs/{kind}', 'output of the shown node',
                    frame=OPTICAL) for name, kind in viewer_node.OUTPUTS.items()))),
}
