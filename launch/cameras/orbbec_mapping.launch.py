"""
Maps with an Orbbec camera (orbbec_camera 2.6.3).

    ros2 launch orbbec_camera gemini_330_series.launch.py depth_registration:=true
    ros2 launch ssc_ros orbbec_mapping.launch.py use_rviz:=true world_frame:=odom

Needs the pose of the camera: TF from odom to its optical frame, or odometry of that frame.
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'rgb/image_rect': 'color/image_raw',
    'rgb/camera_info': 'color/camera_info',
    'depth/image_rect': 'depth/image_raw',
}


def generate_launch_description():
    return camera_launch(
        'mapping_node', TOPICS, camera='/camera', params='orbbec.yaml',
        rviz='s4r_mapping.rviz', fixed_frame='odom')
