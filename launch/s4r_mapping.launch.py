"""
Maps with a posed RGB-D camera and completes the map with S4R.

    ros2 launch ssc_ros s4r_mapping.launch.py rgb_image:=/camera/color/image_raw \
        depth_image:=/camera/aligned_depth_to_color/image_raw world_frame:=odom ...
"""

from launch import LaunchDescription
from launch.substitutions import LaunchConfiguration

from ssc_ros.launching import (
    MAPPING_OVERRIDES,
    common_arguments,
    mapping_arguments,
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
        *common_arguments(params='s4r_mapping.yaml', rviz='s4r_mapping.rviz', fixed_frame='odom'),
        *mapping_arguments(),
        *topic_arguments(TOPICS),
        ssc_node(
            'mapping_node', params_file=LaunchConfiguration('params_file'),
            overrides=MAPPING_OVERRIDES, remappings=topic_remappings(TOPICS)),
        rviz_node(topic_remappings(TOPICS)),
    ])
