"""
Maps with an Intel RealSense camera (realsense2_camera 4.55.1).

    ros2 launch realsense2_camera rs_launch.py align_depth.enable:=true enable_sync:=true
    ros2 launch ssc_ros realsense_mapping.launch.py use_rviz:=true world_frame:=odom

Needs the pose of the camera: TF from odom to its optical frame, or odometry of that frame.
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'rgb/image_rect': 'color/image_raw',
    'rgb/camera_info': 'color/camera_info',
    'depth/image_rect': 'aligned_depth_to_color/image_raw',
}


def generate_launch_description():
    return camera_launch(
        'mapping_node', TOPICS, camera='/camera/camera', params='realsense.yaml',
        rviz='s4r_mapping.rviz', fixed_frame='odom')
