"""
Completes the scene before an Intel RealSense camera (realsense2_camera 4.55.1), infrared.

    ros2 launch realsense2_camera rs_launch.py enable_infra1:=true enable_infra2:=true
    ros2 param set /camera/camera depth_module.emitter_enabled 0
    ros2 launch ssc_ros realsense_stereo.launch.py use_rviz:=true \
        camera_height:=1.2 camera_pitch:=0.0

The dots of the projector move with the camera and would be seen as texture of the world.
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'left/image_rect': 'infra1/image_rect_raw',
    'left/camera_info': 'infra1/camera_info',
    'right/image_rect': 'infra2/image_rect_raw',
    'right/camera_info': 'infra2/camera_info',
}


def generate_launch_description():
    return camera_launch(
        'stereo_node', TOPICS, camera='/camera/camera', params='realsense.yaml',
        rviz='occdepth_stereo.rviz', fixed_frame='camera_infra1_optical_frame')
