"""Messages for bags, built without ROS: images, calibrations and poses as rosbags types."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.bags.typestore import build
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.transforms import rotation_to_quaternion
from ssc_ros.messages.compressed import compressed_format, jpeg_bytes, png_bytes
from ssc_ros.messages.headers import split_stamp

_ENCODINGS = {
    ('uint8', 3): 'rgb8', ('uint8', 2): 'mono8', ('uint16', 2): '16UC1', ('float32', 2): '32FC1'}


def header(stamp_ns: int, frame_id: str) -> Any:
    """Return a std_msgs/Header."""
    seconds, nanoseconds = split_stamp(stamp_ns)
    stamp = build('builtin_interfaces/Time', sec=seconds, nanosec=nanoseconds)
    return build('std_msgs/Header', stamp=stamp, frame_id=frame_id)


def image(pixels: NDArray[Any], stamp_ns: int, frame_id: str) -> Any:
    """
    Return a sensor_msgs/Image.

    Args:
        pixels: (H, W, 3) uint8 RGB, (H, W) uint8, (H, W) uint16 or (H, W) float32; sent as
            rgb8, mono8, 16UC1 or 32FC1.
    """
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return build(
        'sensor_msgs/Image', header=header(stamp_ns, frame_id), height=height, width=width,
        encoding=_ENCODINGS[pixels.dtype.name, pixels.ndim], is_bigendian=0,
        step=pixels[0].nbytes, data=pixels.reshape(-1).view(np.uint8))


def compressed_image(
    pixels: NDArray[Any], stamp_ns: int, frame_id: str, *, codec: str = 'jpeg',
    quality: int = 90,
) -> Any:
    """Return a sensor_msgs/CompressedImage of (H, W, 3) RGB or (H, W) pixels."""
    data = jpeg_bytes(pixels, quality) if codec == 'jpeg' else png_bytes(pixels)
    return build(
        'sensor_msgs/CompressedImage', header=header(stamp_ns, frame_id),
        format=compressed_format(pixels, codec), data=np.frombuffer(data, np.uint8))


def camera_info(
    camera: PinholeCamera, stamp_ns: int, frame_id: str, *, baseline_m: float = 0.0,
) -> Any:
    """
    Return the sensor_msgs/CameraInfo of a rectified camera.

    Args:
        baseline_m: distance to the left eye, for the right eye of a stereo rig.
    """
    intrinsics = np.array(
        [[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])
    projection = np.hstack([intrinsics, [[-camera.fx * baseline_m], [0.0], [0.0]]])
    whole_image = build('sensor_msgs/RegionOfInterest', x_offset=0, y_offset=0, height=0, width=0,
                        do_rectify=False)
    return build(
        'sensor_msgs/CameraInfo', header=header(stamp_ns, frame_id), height=camera.height,
        width=camera.width, distortion_model='plumb_bob', d=np.zeros(5), k=intrinsics.reshape(-1),
        r=np.eye(3).reshape(-1), p=projection.reshape(-1), binning_x=0, binning_y=0,
        roi=whole_image)


def stereo_infos(rig: StereoRig, stamp_ns: int, frame_ids: tuple[str, str]) -> tuple[Any, Any]:
    """Return the sensor_msgs/CameraInfo of the left and of the right eye."""
    left = camera_info(rig.left, stamp_ns, frame_ids[0])
    return left, camera_info(rig.right, stamp_ns, frame_ids[1], baseline_m=rig.baseline_m)


def odometry(
    T_odom_camera: ArrayLike, stamp_ns: int, child_frame_id: str, *, frame_id: str = 'odom',
) -> Any:
    """Return a nav_msgs/Odometry with the (4, 4) pose of ``child_frame_id`` in ``frame_id``."""
    pose = np.asarray(T_odom_camera, np.float64)
    position = build('geometry_msgs/Point', **dict(zip('xyz', pose[:3, 3].tolist(), strict=True)))
    x, y, z, w = rotation_to_quaternion(pose[:3, :3])
    orientation = build(
        'geometry_msgs/Quaternion', x=float(x), y=float(y), z=float(z), w=float(w))
    zero = build('geometry_msgs/Vector3', x=0.0, y=0.0, z=0.0)
    return build(
        'nav_msgs/Odometry', header=header(stamp_ns, frame_id), child_frame_id=child_frame_id,
        pose=build('geometry_msgs/PoseWithCovariance', covariance=np.zeros(36), pose=build(
            'geometry_msgs/Pose', position=position, orientation=orientation)),
        twist=build('geometry_msgs/TwistWithCovariance', covariance=np.zeros(36), twist=build(
            'geometry_msgs/Twist', linear=zero, angular=zero)))


def label_volume(labels: NDArray[np.uint8], stamp_ns: int, frame_id: str) -> Any:
    """Return (X, Y, Z) labels as the mono8 sensor_msgs/Image of ``messages.volumes``."""
    return image(labels.reshape(len(labels), -1), stamp_ns, frame_id)
