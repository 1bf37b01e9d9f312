"""
Labels the images of an Orbbec camera (orbbec_camera 2.6.3).

    ros2 launch orbbec_camera gemini_330_series.launch.py depth_registration:=true
    ros2 launch ssc_ros orbbec_segmentation.launch.py use_rviz:=true
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'rgb/image_rect': 'color/image_raw',
    'rgb/camera_info': 'color/camera_info',
    'depth/image_rect': 'depth/image_raw',
}


def generate_launch_description():
    return camera_launch(
        'segmentation_node', TOPICS, camera='/camera', params='orbbec.yaml',
        rviz='gad_segmentation.rviz', fixed_frame='camera_color_optical_frame')
