"""
Completes the scene before a Stereolabs ZED camera (zed_wrapper 5.4.1).

    ros2 launch zed_wrapper zed_camera.launch.py camera_model:=zed2i
    ros2 launch ssc_ros zed_rgbd.launch.py use_rviz:=true camera_height:=1.2 camera_pitch:=0.0

Versions before 5 publish rgb/image_rect_color and rgb/camera_info instead.
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'rgb/image_rect': 'rgb/color/rect/image',
    'rgb/camera_info': 'rgb/color/rect/camera_info',
    'depth/image_rect': 'depth/depth_registered',
}


def generate_launch_description():
    return camera_launch(
        'rgbd_node', TOPICS, camera='/zed/zed_node', params='zed.yaml',
        rviz='ammnet_rgbd.rviz', fixed_frame='zed_left_camera_frame_optical')
