"""
Replays a bag through stereo_node and scores the result against the ground truth in the bag.

    ros2 launch ssc_ros replay_eval.launch.py
    ros2 launch ssc_ros replay_eval.launch.py bag:=/data/rooms weights:=/data/bundle report:=r.json
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, Shutdown
from launch.substitutions import LaunchConfiguration

from ssc_ros.launching import (
    PERCEPTION_OVERRIDES,
    common_arguments,
    perception_arguments,
    rviz_node,
    share,
    ssc_node,
    topic_arguments,
    topic_remappings,
)

# The topics of the sample bag, by argument: those of the node, of the bag, what it is.
INPUTS = {
    'left_image': (
        'left/image_rect', '/stereo/left/image_rect_color', 'left image, without /compressed'),
    'left_camera_info': (
        'left/camera_info', '/stereo/left/camera_info', 'calibration of the left camera'),
    'right_image': (
        'right/image_rect', '/stereo/right/image_rect_color', 'right image, without /compressed'),
    'right_camera_info': (
        'right/camera_info', '/stereo/right/camera_info', 'calibration of the right camera'),
    'odom': ('odom', '/odom', 'poses of the left optical frame'),
}
TRUTH = ('ground_truth', '/ground_truth/voxels', 'label volumes to score against')
ESTIMATES = 'stereo_node/voxels/labels'
PLAYER_OVERRIDES = {
    'bag': ('bag', str), 'rate': ('rate', float), 'loop': ('loop', bool),
    'at_end': ('at_end', str),
}
EVALUATOR_OVERRIDES = {'label_space': ('label_space', str), 'report': ('report', str)}


def replay_arguments():
    return [
        DeclareLaunchArgument(
            'bag', default_value=share('samples', 'rooms_bag'),
            description='folder of a rosbag2 bag with stereo images, calibration and poses'),
        DeclareLaunchArgument(
            'rate', default_value='1.0',
            description='speed relative to the recording, unless lockstep_topic is set'),
        DeclareLaunchArgument(
            'loop', default_value='false', choices=('true', 'false'),
            description='start the bag again at its end'),
        DeclareLaunchArgument(
            'at_end', default_value='exit', choices=('exit', 'idle'),
            description='exit ends everything with the bag, idle keeps the nodes'),
        DeclareLaunchArgument(
            'label_space', default_value='nyu12', description='label space of the ground truth'),
        DeclareLaunchArgument(
            'report', default_value='', description='JSON file for the scores; empty = none'),
    ]


def generate_launch_description():
    topics = {name: (topic, text) for name, (_, topic, text) in INPUTS.items()}
    to_bag = {name: (topic, '') for name, (topic, _, _) in INPUTS.items()}
    return LaunchDescription([
        *common_arguments(params='replay_eval.yaml', rviz='replay_eval.rviz'),
        *perception_arguments(),
        *topic_arguments({**topics, TRUTH[0]: TRUTH[1:]}),
        *replay_arguments(),
        ssc_node(
            'stereo_node', params_file=LaunchConfiguration('params_file'),
            overrides=PERCEPTION_OVERRIDES, remappings=topic_remappings(to_bag)),
        ssc_node(
            'evaluator_node', params_file=LaunchConfiguration('params_file'),
            overrides=EVALUATOR_OVERRIDES, remappings=[
                ('estimate', ESTIMATES), (TRUTH[0], LaunchConfiguration(TRUTH[0]))]),
        ssc_node(
            'bag_player_node', params_file=LaunchConfiguration('params_file'),
            overrides=PLAYER_OVERRIDES, on_exit=Shutdown(reason='the bag has ended')),
        rviz_node(),
    ])
