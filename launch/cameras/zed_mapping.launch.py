"""
Maps with a Stereolabs ZED camera (zed_wrapper 5.4.1).

    ros2 launch zed_wrapper zed_camera.launch.py camera_model:=zed2i
    ros2 launch ssc_ros zed_mapping.launch.py use_rviz:=true world_frame:=odom

The driver tells TF the pose of the camera (pos_tracking), as mapping needs it.
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'rgb/image_rect': 'rgb/color/rect/image',
    'rgb/camera_info': 'rgb/color/rect/camera_info',
    'depth/image_rect': 'depth/depth_registered',
}


def generate_launch_description():
    return camera_launch(
        'mapping_node', TOPICS, camera='/zed/zed_node', params='zed.yaml',
        rviz='s4r_mapping.rviz', fixed_frame='odom')
