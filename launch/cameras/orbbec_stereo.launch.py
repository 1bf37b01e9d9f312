"""
Completes the scene before an Orbbec camera (orbbec_camera 2.6.3) from its infrared pair.

    ros2 launch orbbec_camera gemini_330_series.launch.py enable_left_ir:=true \
        enable_right_ir:=true left_ir_format:=Y8 right_ir_format:=Y8 enable_laser:=false
    ros2 launch ssc_ros orbbec_stereo.launch.py use_rviz:=true \
        camera_height:=1.2 camera_pitch:=0.0

The dots of the projector move with the camera and would be seen as texture of the world.
The driver tells the baseline only while both eyes are enabled.
"""

from ssc_ros.launching import camera_launch

TOPICS = {
    'left/image_rect': 'left_ir/image_raw',
    'left/camera_info': 'left_ir/camera_info',
    'right/image_rect': 'right_ir/image_raw',
    'right/camera_info': 'right_ir/camera_info',
}


def generate_launch_description():
    return camera_launch(
        'stereo_node', TOPICS, camera='/camera', params='orbbec.yaml',
        rviz='occdepth_stereo.rviz', fixed_frame='camera_left_ir_optical_frame')
