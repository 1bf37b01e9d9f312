"""
Completes the scene before a stereo camera with OccDepth.

    ros2 launch ssc_ros occdepth_stereo.launch.py left_image:=/zed/left/image_rect_color ...
"""

from launch import LaunchDescription
from launch.substitutions import LaunchConfiguration

from ssc_ros.launching import (
    PERCEPTION_OVERRIDES,
    common_arguments,
    perception_arguments,
    rviz_node,
    ssc_node,
    topic_arguments,
    topic_remappings,
)

TOPICS = {
    'left_image': ('left/image_rect', 'rectified left image'),
    'left_camera_info': ('left/camera_info', 'calibration of the left camera'),
    'right_image': ('right/image_rect', 'rectified right image'),
    'right_camera_info': ('right/camera_info', 'calibration of the right camera'),
    'odom': ('odom', 'nav_msgs/Odometry of the left optical frame, for pose_source odometry'),
}


def generate_launch_description():
    return LaunchDescription([
        *common_arguments(params='stereo_node.yaml', rviz='occdepth_stereo.rviz'),
        *perception_arguments(),
        *topic_arguments(TOPICS),
        ssc_node(
            'stereo_node', params_file=LaunchConfiguration('params_file'),
            overrides=PERCEPTION_OVERRIDES, remappings=topic_remappings(TOPICS)),
        rviz_node(topic_remappings(TOPICS)),
    ])
