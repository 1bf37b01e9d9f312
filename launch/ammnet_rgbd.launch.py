"""
Completes the scene before an RGB-D camera with AMMNet, from colour and a TSDF of its depth.

    ros2 launch ssc_ros ammnet_rgbd.launch.py rgb_image:=/camera/color/image_raw \
        depth_image:=/camera/aligned_depth_to_color/image_raw ...
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
    'rgb_image': ('rgb/image_rect', 'rectified colour image'),
    'rgb_camera_info': ('rgb/camera_info', 'calibration of the colour camera'),
    'depth_image': ('depth/image_rect', 'depth registered to the colour image'),
    'odom': ('odom', 'nav_msgs/Odometry of the optical frame, for pose_source odometry'),
}


def generate_launch_description():
    return LaunchDescription([
        *common_arguments(params='ammnet_rgbd.yaml', rviz='ammnet_rgbd.rviz'),
        *perception_arguments(),
        *topic_arguments(TOPICS),
        ssc_node(
            'rgbd_node', params_file=LaunchConfiguration('params_file'),
            overrides=PERCEPTION_OVERRIDES, remappings=topic_remappings(TOPICS)),
        rviz_node(topic_remappings(TOPICS)),
    ])
