"""Write rooms as a rosbag2 bag: images, calibration, depth, labels, poses and ground truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ssc_ros.errors import DataError
from ssc_ros.geometry.transforms import make_rigid, rotation_to_quaternion
from ssc_ros.messages.compressed_depth import compressed_depth_bytes

from .room import FRAME_ID, Room

RIGHT_FRAME_ID = 'stereo_right_optical_frame'
ODOM_FRAME_ID = 'odom'
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}
# Bags stay readable from Humble on: later metadata versions change the type of a field.
_METADATA_VERSION = 8
# Rooms of one bag stand this far apart in odom, so that a map never mixes them.
_ROOM_DISTANCE_M = 20.0
_START_NS = 1_600_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class BagOptions:
    """How a bag is written."""

    storage: str = 'mcap'
    rate_hz: float = 10.0
    is_compressed: bool = True  # JPEG images and PNG depth instead of raw ones
    jpeg_quality: int = 90

    def __post_init__(self) -> None:
        if self.storage not in STORAGES:
            raise DataError(f'storage {self.storage!r} is unknown: use {" or ".join(STORAGES)}')
        if not self.rate_hz > 0:
            raise DataError(f'frame rate {self.rate_hz} must be positive')


def write_bag(path: Path | str, rooms: Iterable[Room], options: BagOptions | None = None) -> int:
    """
    Write one frame per room view to a new bag folder and return the number of frames.

    All messages of a frame share its stamp. Views of one room follow each other at the frame
    rate; other rooms stand elsewhere in the odom frame, so a new room looks like a jump.

    Raises:
        DataError: the folder exists already.
    """
    options = options or BagOptions()
    if Path(path).exists():
        raise DataError(f'{path} exists: bags are never overwritten, choose another folder')
    writer = Writer(Path(path), version=_METADATA_VERSION,
                    storage_plugin=STORAGES[options.storage])
    if options.storage == 'mcap':
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    count, places = 0, dict[int, int]()
    with writer:
        frame_writer = _FrameWriter(writer, options)
        for room in rooms:
            place = places.setdefault(room.seed, len(places))
            stamp_ns = _START_NS + round(count * 1e9 / options.rate_hz)
            frame_writer.write(room, stamp_ns, [place * _ROOM_DISTANCE_M, 0.0, 0.0])
            count += 1
    return count


class _FrameWriter:
    """Turns rooms into messages and keeps the connections of a bag."""

    def __init__(self, writer: Writer, options: BagOptions) -> None:
        self._writer, self._options = writer, options
        self._store = get_typestore(Stores.ROS2_HUMBLE)
        self._connections: dict[str, Any] = {}
        self._header: Any = None
        self._stamp_ns = 0

    def write(self, room: Room, stamp_ns: int, offset_m: list[float]) -> None:
        """Write all topics of one frame."""
        self._stamp_ns = stamp_ns
        stamp = self._new('builtin_interfaces/msg/Time', sec=stamp_ns // 10 ** 9,
                          nanosec=stamp_ns % 10 ** 9)
        left = self._new('std_msgs/msg/Header', stamp=stamp, frame_id=FRAME_ID)
        right = self._new('std_msgs/msg/Header', stamp=stamp, frame_id=RIGHT_FRAME_ID)
        odom = self._new('std_msgs/msg/Header', stamp=stamp, frame_id=ODOM_FRAME_ID)
        self._odometry(make_rigid(np.eye(3), offset_m) @ room.T_world_camera, odom)
        self._camera_info('/stereo/left', room, 0.0, left)
        self._camera_info('/stereo/right', room, room.baseline_m, right)
        self._color('/stereo/left/image_rect_color', room.left, left)
        self._color('/stereo/right/image_rect_color', room.right, right)
        self._depth(np.round(room.depth_m * 1000).astype(np.uint16), left)
        self._image('/stereo/left/label_image', room.image_labels, 'mono8', left)
        for name, volume in (('voxels', room.voxel_labels), ('occlusion', room.occlusion)):
            rows = volume.reshape(volume.shape[0], -1)
            self._image(f'/ground_truth/{name}', rows, 'mono8', left)

    def _new(self, name: str, **fields: Any) -> Any:
        return self._store.types[name](**fields)

    def _send(self, topic: str, message: Any) -> None:
        kind = message.__msgtype__
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, kind, typestore=self._store)
        self._writer.write(self._connections[topic], self._stamp_ns,
                           self._store.serialize_cdr(message, kind))

    def _image(self, topic: str, image: NDArray[Any], encoding: str, header: Any) -> None:
        row = np.ascontiguousarray(image).reshape(image.shape[0], -1).view(np.uint8)
        self._send(topic, self._new(
            'sensor_msgs/msg/Image', header=header, height=image.shape[0], width=image.shape[1],
            encoding=encoding, is_bigendian=0, step=row.shape[1], data=row.ravel()))

    def _packed(self, topic: str, form: str, data: bytes, header: Any) -> None:
        self._send(topic, self._new('sensor_msgs/msg/CompressedImage', header=header, format=form,
                                    data=np.frombuffer(data, np.uint8)))

    def _color(self, topic: str, image: NDArray[np.uint8], header: Any) -> None:
        if not self._options.is_compressed:
            self._image(topic, image, 'rgb8', header)
            return
        _, data = cv2.imencode('.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR),
                               [cv2.IMWRITE_JPEG_QUALITY, self._options.jpeg_quality])
        self._packed(f'{topic}/compressed', 'rgb8; jpeg compressed bgr8', data.tobytes(), header)

    def _depth(self, depth_mm: NDArray[np.uint16], header: Any) -> None:
        topic = '/stereo/left/depth/image_raw'
        if self._options.is_compressed:
            self._packed(f'{topic}/compressedDepth', '16UC1; compressedDepth png',
                         compressed_depth_bytes(depth_mm), header)
        else:
            self._image(topic, depth_mm, '16UC1', header)

    def _camera_info(self, side: str, room: Room, baseline_m: float, header: Any) -> None:
        camera = room.camera
        projection = np.zeros((3, 4))
        projection[:, :3] = camera.matrix
        projection[0, 3] = -camera.fx * baseline_m
        region = self._new('sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=0,
                           width=0, do_rectify=False)
        self._send(f'{side}/camera_info', self._new(
            'sensor_msgs/msg/CameraInfo', header=header, height=camera.height, width=camera.width,
            distortion_model='plumb_bob', d=np.zeros(5), k=camera.matrix.ravel(),
            r=np.eye(3).ravel(), p=projection.ravel(), binning_x=0, binning_y=0, roi=region))

    def _odometry(self, T_odom_camera: NDArray[np.float64], header: Any) -> None:
        x, y, z = (float(value) for value in T_odom_camera[:3, 3])
        qx, qy, qz, qw = rotation_to_quaternion(T_odom_camera[:3, :3])
        pose = self._new(
            'geometry_msgs/msg/Pose', position=self._new('geometry_msgs/msg/Point', x=x, y=y, z=z),
            orientation=self._new('geometry_msgs/msg/Quaternion', x=qx, y=qy, z=qz, w=qw))
        zero = self._new('geometry_msgs/msg/Vector3', x=0.0, y=0.0, z=0.0)
        covariance = np.zeros(36)
        unknown = covariance.copy()
        unknown[0] = -1.0  # the twist is not given
        self._send('/odom', self._new(
            'nav_msgs/msg/Odometry', header=header, child_frame_id=FRAME_ID,
            pose=self._new('geometry_msgs/msg/PoseWithCovariance', pose=pose,
                           covariance=covariance),
            twist=self._new('geometry_msgs/msg/TwistWithCovariance', covariance=unknown,
                            twist=self._new('geometry_msgs/msg/Twist', linear=zero,
                                            angular=zero))))
