"""
Labels the images of a colour camera with GAD, and estimates their depth.

    ros2 launch ssc_ros gad_segmentation.launch.py rgb_image:=/camera/image_rect ...
"""

from launch import LaunchDescription
from launch.substitutions import LaunchConfiguration

from ssc_ros.launching import (
    SEGMENTATION_OVERRIDES,
    common_arguments,
    rviz_node,
    segmentation_arguments,
    ssc_node,
    topic_arguments,
    topic_remappings,
)

TOPICS = {
    'rgb_image': ('rgb/image_rect', 'rectified colour image'),
    'rgb_camera_info': ('rgb/camera_info', 'calibration of the colour camera'),
    'depth_image': (
        'depth/image_rect', 'depth registered to the colour image, for depth_source topic'),
}


def generate_launch_description():
    return LaunchDescription([
        *common_arguments(params='gad_segmentation.yaml', rviz='gad_segmentation.rviz'),
        *segmentation_arguments(),
        *topic_arguments(TOPICS),
        ssc_node(
            'segmentation_node', params_file=LaunchConfiguration('params_file'),
            overrides=SEGMENTATION_OVERRIDES, remappings=topic_remappings(TOPICS)),
        rviz_node(topic_remappings(TOPICS)),
    ])
