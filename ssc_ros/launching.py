"""What the launch files share; needs the ROS 2 launch system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue
from launch_ros.substitutions import FindPackageShare

PACKAGE = 'ssc_ros'
RESPAWN_DELAY_S = 2.0
BOOLEANS = ('true', 'false')
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')

# TF is global unless remapped; a namespaced robot has a tree of its own.
TF_REMAPPINGS = (('/tf', 'tf'), ('/tf_static', 'tf_static'))

# Launch arguments that stand above the parameter file where they are given: parameter and type.
Overrides = Mapping[str, tuple[str, type]]
NETWORK_OVERRIDES: Overrides = {
    'weights': ('model.weights', str),
    'device': ('model.device', str),
    'transport': ('input.transport', str),
}
SEGMENTATION_OVERRIDES: Overrides = {
    **NETWORK_OVERRIDES,
    'depth_source': ('depth.source', str),
    'min_confidence': ('labels.min_confidence', float),
}
PERCEPTION_OVERRIDES: Overrides = {
    **NETWORK_OVERRIDES,
    'pose_source': ('pose.source', str),
    'camera_height': ('pose.camera_height_m', float),
    'camera_pitch': ('pose.camera_pitch_deg', float),
}

MAPPING_OVERRIDES: Overrides = {
    **NETWORK_OVERRIDES,
    'pose_source': ('pose.source', str),
    'world_frame': ('pose.world_frame', str),
    'floor_z': ('pose.floor_z_m', float),
    'map_file': ('map.file', str),
    'files_directory': ('files_directory', str),
}

ITERATIVE_OVERRIDES: Overrides = {
    **PERCEPTION_OVERRIDES,
    'iterations': ('model.iterations', int),
}


def share(*parts: str) -> PathJoinSubstitution:
    """Return a path below the installed share folder of this package."""
    return PathJoinSubstitution([FindPackageShare(PACKAGE), *parts])


def common_arguments(
    *, params: str, rviz: str, fixed_frame: str = 'stereo_left_optical_frame',
) -> list[Any]:
    """
    Return what every launch file of the package declares.

    Args:
        params: default parameter file in ``config/``.
        rviz: default RViz configuration in ``rviz/``.
        fixed_frame: default frame that RViz draws in.
    """
    return [
        SetEnvironmentVariable('RCUTILS_LOGGING_BUFFERED_STREAM', '1'),
        DeclareLaunchArgument(
            'namespace', default_value='', description='namespace of all nodes and topics'),
        DeclareLaunchArgument(
            'use_sim_time', default_value='false', choices=BOOLEANS,
            description='take the time from /clock, as in simulation and bag replay'),
        DeclareLaunchArgument(
            'params_file', default_value=share('config', params),
            description='parameter file of the perception node'),
        DeclareLaunchArgument(
            'autostart', default_value='true', choices=BOOLEANS,
            description='configure and activate at once; false leaves it to a lifecycle manager'),
        DeclareLaunchArgument(
            'log_level', default_value='info', choices=LOG_LEVELS,
            description='least severity that is logged'),
        DeclareLaunchArgument(
            'use_respawn', default_value='false', choices=BOOLEANS,
            description='start a node again when its process ends'),
        DeclareLaunchArgument(
            'use_rviz', default_value='false', choices=BOOLEANS, description='start RViz'),
        DeclareLaunchArgument(
            'rviz_config', default_value=share('rviz', rviz), description='RViz configuration'),
        DeclareLaunchArgument(
            'fixed_frame', default_value=fixed_frame,
            description='frame RViz draws in: a TF frame such as odom, or without TF the optical '
            'frame of the images'),
    ]


def network_arguments() -> list[DeclareLaunchArgument]:
    """Return the arguments of NETWORK_OVERRIDES."""
    return [
        DeclareLaunchArgument(
            'weights', default_value='',
            description='name or folder of a weights bundle; dummy needs none; empty = as in '
            'params_file'),
        DeclareLaunchArgument(
            'device', default_value='',
            description='auto, cpu, cuda or cuda:<n>; empty = as in params_file'),
        DeclareLaunchArgument(
            'transport', default_value='', choices=('', 'raw', 'compressed'),
            description='how images arrive; empty = as in params_file'),
    ]


def segmentation_arguments() -> list[DeclareLaunchArgument]:
    """Return the arguments of SEGMENTATION_OVERRIDES."""
    return [
        *network_arguments(),
        DeclareLaunchArgument(
            'depth_source', default_value='', choices=('', 'network', 'topic'),
            description='depth that the points are made of: estimated, or that of depth_image; '
            'empty = as in params_file'),
        DeclareLaunchArgument(
            'min_confidence', default_value='',
            description='pixels below it have no label and no point, 0.0 to 1.0; empty = as in '
            'params_file'),
    ]


def perception_arguments() -> list[DeclareLaunchArgument]:
    """Return the arguments of PERCEPTION_OVERRIDES."""
    return [
        *network_arguments(),
        DeclareLaunchArgument(
            'pose_source', default_value='', choices=('', 'parameters', 'odometry', 'tf', 'depth'),
            description='where the pose of the camera comes from (depth: of rgbd_node only); '
            'empty = as in params_file'),
        DeclareLaunchArgument(
            'camera_height', default_value='',
            description='optical centre above the floor in metres, for pose_source parameters; '
            'empty = as in params_file'),
        DeclareLaunchArgument(
            'camera_pitch', default_value='',
            description='degrees, positive looks down, for pose_source parameters; empty = as in '
            'params_file'),
    ]


def mapping_arguments() -> list[DeclareLaunchArgument]:
    """Return the arguments of MAPPING_OVERRIDES."""
    return [
        *network_arguments(),
        DeclareLaunchArgument(
            'pose_source', default_value='', choices=('', 'auto', 'tf', 'odometry'),
            description='where the pose of the camera comes from; empty = as in params_file'),
        DeclareLaunchArgument(
            'world_frame', default_value='',
            description='z-up frame that the map is given in; empty = as in params_file'),
        DeclareLaunchArgument(
            'floor_z', default_value='',
            description='height of the floor in world_frame, metres; empty = as in params_file'),
        DeclareLaunchArgument(
            'files_directory', default_value='',
            description='folder that maps and meshes are written to; empty = as in params_file'),
        DeclareLaunchArgument(
            'map_file', default_value='',
            description='name of the map in that folder, without ending; empty = as in '
            'params_file'),
    ]


def iterative_arguments() -> list[DeclareLaunchArgument]:
    """Return the arguments of ITERATIVE_OVERRIDES."""
    return [
        *perception_arguments(),
        DeclareLaunchArgument(
            'iterations', default_value='',
            description='how often image and voxels exchange labels, 0 to 6, more cost time; -1 = '
            'as in the training of the weights; empty = as in params_file'),
    ]


def topic_arguments(topics: Mapping[str, tuple[str, str]]) -> list[DeclareLaunchArgument]:
    """
    Return one argument per input topic of a node.

    Args:
        topics: argument name -> (topic of the node, description); the topic is the default.
    """
    return [DeclareLaunchArgument(name, default_value=topic, description=description)
            for name, (topic, description) in topics.items()]


def topic_remappings(
    topics: Mapping[str, tuple[str, str]],
) -> list[tuple[str, LaunchConfiguration]]:
    """Return the remappings that belong to ``topic_arguments``."""
    return [(topic, LaunchConfiguration(name)) for name, (topic, _) in topics.items()]


def ssc_node(
    executable: str, *, params_file: Any, remappings: Iterable[tuple[str, Any]] = (),
    overrides: Overrides | None = None, **options: Any,
) -> OpaqueFunction:
    """
    Start one node of the package with the common arguments.

    Args:
        params_file: path or substitution of its parameter file.
        overrides: arguments that replace a value of the file unless they are empty.
        options: further arguments of ``launch_ros.actions.Node``.
    """
    def create(context: LaunchContext) -> list[Node]:
        return [Node(
            package=PACKAGE, executable=executable, name=executable,
            namespace=LaunchConfiguration('namespace'),
            parameters=[
                ParameterFile(params_file, allow_substs=True),
                {name: ParameterValue(LaunchConfiguration(name), value_type=bool)
                 for name in ('use_sim_time', 'autostart')},
                *_given(context, overrides or {})],
            remappings=[*TF_REMAPPINGS, *remappings],
            ros_arguments=['--log-level', LaunchConfiguration('log_level')],
            respawn=LaunchConfiguration('use_respawn'), respawn_delay=RESPAWN_DELAY_S,
            output='screen', **options)]

    return OpaqueFunction(function=create)


def _given(context: LaunchContext, overrides: Overrides) -> Sequence[dict[str, Any]]:
    given = {
        parameter: ParameterValue(LaunchConfiguration(name), value_type=value_type)
        for name, (parameter, value_type) in overrides.items()
        if LaunchConfiguration(name).perform(context)}
    return [given] if given else []


def rviz_node(remappings: Iterable[tuple[str, Any]] = ()) -> Node:
    """Start RViz where it is wanted; it hears the inputs of the node by the same names."""
    return Node(
        package='rviz2', executable='rviz2', name='rviz2',
        namespace=LaunchConfiguration('namespace'),
        arguments=['-d', LaunchConfiguration('rviz_config'),
                   '-f', LaunchConfiguration('fixed_frame')],
        parameters=[{'use_sim_time': ParameterValue(
            LaunchConfiguration('use_sim_time'), value_type=bool)}],
        remappings=[*TF_REMAPPINGS, *remappings],
        condition=IfCondition(LaunchConfiguration('use_rviz')), output='screen')


CAMERA_NODES: Mapping[str, tuple[Callable[[], list[Any]], Overrides]] = {
    'stereo_node': (perception_arguments, PERCEPTION_OVERRIDES),
    'rgbd_node': (iterative_arguments, ITERATIVE_OVERRIDES),
    'segmentation_node': (segmentation_arguments, SEGMENTATION_OVERRIDES),
    'mapping_node': (mapping_arguments, MAPPING_OVERRIDES),
}


def camera_launch(
    executable: str, topics: Mapping[str, str], *, camera: str, params: str, rviz: str,
    fixed_frame: str,
) -> LaunchDescription:
    """
    Return the launch description of one node on one kind of camera.

    Args:
        topics: topic of the node -> topic of the driver below the argument ``camera``.
        camera: default of that argument, the name that stands before all topics of the driver.
        params: parameter file in ``config/cameras/``; what it leaves out keeps its default.
    """
    arguments, overrides = CAMERA_NODES[executable]
    remappings: list[tuple[str, Any]] = [
        (topic, [LaunchConfiguration('camera'), f'/{name}']) for topic, name in topics.items()]
    if 'pose_source' in overrides:
        remappings.append(('odom', LaunchConfiguration('odom')))
    return LaunchDescription([
        *common_arguments(params=f'cameras/{params}', rviz=rviz, fixed_frame=fixed_frame),
        *arguments(),
        DeclareLaunchArgument(
            'camera', default_value=camera,
            description='what stands before all topics of the camera driver'),
        DeclareLaunchArgument(
            'odom', default_value='odom',
            description='nav_msgs/Odometry of the optical frame, for pose_source odometry'),
        ssc_node(executable, params_file=LaunchConfiguration('params_file'),
                 overrides=overrides, remappings=remappings),
        rviz_node(remappings),
    ])
