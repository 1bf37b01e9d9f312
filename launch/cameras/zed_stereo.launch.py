"""
Completes the scene before a Stereolabs ZED camera (zed_wrapper 5.4.1).

    ros2 launch zed_wrapper zed_camera.launch.py camera_model:=zed2i \
        param_overrides:="video.publish_left_right:=true"
    ros2 launch ssc_ros zed_stereo.launch.py use_rviz:=true camera_height:=1.2 camera_pitch:=0.0

Versions before 5 publish left/image_rect_color and left/camera_info instead.
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'left/image_rect': 'left/color/rect/image',
    'left/camera_info': 'left/color/rect/camera_info',
    'right/image_rect': 'right/color/rect/image',
    'right/camera_info': 'right/color/rect/camera_info',
}


def generate_launch_description():
    return camera_launch(
        'stereo_node', TOPICS, camera='/zed/zed_node', params='zed.yaml',
        rviz='occdepth_stereo.rviz', fixed_frame='zed_left_camera_frame_optical')
