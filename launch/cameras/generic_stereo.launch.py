"""
Completes the scene before two cameras of any make.

    ros2 launch ssc_ros generic_stereo.launch.py use_rviz:=true \
        camera_height:=1.2 camera_pitch:=0.0 camera:=/stereo

Both are calibrated as a stereo pair, exposed at once and publish raw images, which are rectified
here.
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'left/image_rect': 'left/image_raw',
    'left/camera_info': 'left/camera_info',
    'right/image_rect': 'right/image_raw',
    'right/camera_info': 'right/camera_info',
}


def generate_launch_description():
    return camera_launch(
        'stereo_node', TOPICS, camera='/stereo', params='generic_stereo.yaml',
        rviz='occdepth_stereo.rviz', fixed_frame='stereo_left_optical_frame')
