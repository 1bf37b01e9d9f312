"""
Completes the scene before an RGB-D camera and labels its image with IMENet.

    ros2 launch ssc_ros imenet_rgbd.launch.py rgb_image:=/camera/color/image_raw \
        depth_image:=/camera/aligned_depth_to_color/image_raw ...
"""

from launch import LaunchDescription
from launch.substitutions import LaunchConfiguration

from ssc_ros.launching import (
    ITERATIVE_OVERRIDES,
    common_arguments,
    iterative_arguments,
    rviz_node,
    ssc_node,
    topic_arguments,
    topic_remappings,
)

TOPICS = {
    'rgb_image': ('rgb/image_rect', 'rectified colour image'),
    'rgb_camera_info': ('rgb/camera_info', 'calibration of the colour camera'),
    'depth_image': ('depth/image_rect', 'depth registered to the colour image'),
    'odom': ('odom', 'nav_msgs/Odometry of the optical frame, for pose_source odometry'),
}


def generate_launch_description():
    return LaunchDescription([
        *common_arguments(params='imenet_rgbd.yaml', rviz='imenet_rgbd.rviz'),
        *iterative_arguments(),
        *topic_arguments(TOPICS),
        ssc_node(
            'rgbd_node', params_file=LaunchConfiguration('params_file'),
            overrides=ITERATIVE_OVERRIDES, remappings=topic_remappings(TOPICS)),
        rviz_node(topic_remappings(TOPICS)),
    ])
