"""
Completes the scene before an Intel RealSense camera (realsense2_camera 4.55.1).

    ros2 launch realsense2_camera rs_launch.py align_depth.enable:=true enable_sync:=true
    ros2 launch ssc_ros realsense_rgbd.launch.py use_rviz:=true \
        camera_height:=1.2 camera_pitch:=0.0
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'rgb/image_rect': 'color/image_raw',
    'rgb/camera_info': 'color/camera_info',
    'depth/image_rect': 'aligned_depth_to_color/image_raw',
}


def generate_launch_description():
    return camera_launch(
        'rgbd_node', TOPICS, camera='/camera/camera', params='realsense.yaml',
        rviz='ammnet_rgbd.rviz', fixed_frame='camera_color_optical_frame')
