"""Camera topics: subscribe to images and calibrations, and read them when they are wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node

from ssc_ros.geometry.calibration import CameraCalibration
from ssc_ros.geometry.rectification import Rectifier
from ssc_ros.messages.camera_info import decode_camera_info
from ssc_ros.messages.classes import message_class
from ssc_ros.messages.inputs import read_color, read_depth
from ssc_ros.nodes.qos import overridable, sensor_qos
from ssc_ros.nodes.refusals import NO_CALIBRATION, RefusedInputError, refusing
from ssc_ros.nodes.settings import InputParameters

FIRST_CALIBRATION_TIMEOUT_S = 0.2

ReceiveImage = Callable[[str, Any], None]


@dataclass(frozen=True, slots=True)
class ImageInput:
    """
    One image topic of a node.

    Attributes:
        name: how the node speaks of it, e.g. ``left``.
        topic: relative base topic of the image.
        info_topic: relative topic of its CameraInfo, empty = it shares that of another input.
        kind: colour, or depth along the optical axis.
    """

    name: str
    topic: str
    info_topic: str = ''
    kind: Literal['color', 'depth'] = 'color'


class LatestCalibration:
    """The newest CameraInfo of one camera, decoded again only when its content changes."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._message: Any = None
        self._has_come = threading.Event()
        self._content: bytes = b''
        self._calibration: CameraCalibration | None = None

    @property
    def has_come(self) -> bool:
        """Whether there was a message."""
        return self._has_come.is_set()

    @property
    def frame_id(self) -> str:
        """Frame of the newest message, empty before the first."""
        return str(self._message.header.frame_id) if self.has_come else ''

    def receive(self, msg: Any) -> None:
        """Keep a message; called by the executor thread."""
        self._message = msg
        self._has_come.set()

    def get(self) -> CameraCalibration:
        """
        Return the calibration; the same object as long as nothing changed.

        Waits a moment for the first one: many drivers and bags send it just after the image.

        Raises:
            RefusedInputError: none came yet, or it is not usable.
        """
        if not self._has_come.wait(FIRST_CALIBRATION_TIMEOUT_S):
            raise RefusedInputError(
                NO_CALIBRATION, self.topic, 'no CameraInfo yet: start its publisher or remap '
                f'{self.topic} to the camera_info of this camera')
        message = self._message
        content = _content(message)
        if self._calibration is None or content != self._content:
            self._calibration = None
            with refusing(self.topic):
                self._calibration = decode_camera_info(message)
            self._content = content
        return self._calibration


def _content(msg: Any) -> bytes:
    """Return all that makes up a calibration, without the header that changes every time."""
    numbers = [np.asarray(values, np.float64).tobytes() for values in (msg.d, msg.k, msg.r, msg.p)]
    sizes = (msg.height, msg.width, msg.binning_x, msg.binning_y, msg.roi.x_offset,
             msg.roi.y_offset, msg.roi.height, msg.roi.width, msg.distortion_model)
    return b'|'.join([*numbers, repr(sizes).encode()])


class CameraInput:
    """
    One image topic with its calibration: listening, and reading what was heard.

    Attributes:
        topic: resolved name of the image topic.
        subscriptions: those that are open, each with whether it is that of the calibration.
    """

    def __init__(self, node: Node, spec: ImageInput, parameters: InputParameters) -> None:
        self.spec = spec
        self.topic = image_topic(node, spec, parameters)
        info_topic = spec.info_topic and node.resolve_topic_name(spec.info_topic)
        self.calibration = LatestCalibration(info_topic)
        self._node = node
        self._parameters = parameters
        self._rectifier: tuple[CameraCalibration, Rectifier] | None = None
        self.subscriptions: list[tuple[Any, bool]] = []

    def open(self, receive: ReceiveImage) -> None:
        """Start to listen to calibration and images; see open_images()."""
        self.open_calibration()
        self.open_images(receive)

    def open_calibration(self) -> None:
        """Start to listen to the CameraInfo."""
        if self.spec.info_topic:
            self._subscribe('CameraInfo', self.spec.info_topic, self.calibration.receive)

    def open_images(self, receive: ReceiveImage) -> None:
        """Start to listen; ``receive`` gets the name of this input and every image message."""
        is_compressed = self._parameters.transport == 'compressed'
        self._subscribe('CompressedImage' if is_compressed else 'Image', self.topic,
                        lambda msg: receive(self.spec.name, msg))

    def _subscribe(self, message_type: str, topic: str, callback: Callable[[Any], None]) -> None:
        self.subscriptions.append((self._node.create_subscription(
            message_class(f'sensor_msgs/{message_type}'), topic, callback, sensor_qos(),
            **overridable()), message_type == 'CameraInfo'))

    @property
    def topics(self) -> list[str]:
        """Resolved names of everything this input listens to."""
        return [subscription.topic_name for subscription, _ in self.subscriptions]

    def read(self, msg: Any) -> NDArray[Any]:
        """
        Return the pixels: (H, W, 3) uint8 RGB, or (H, W) float32 metres with 0 = missing.

        Raises:
            RefusedInputError: the message is malformed or does not fit its calibration.
        """
        with refusing(self.topic):
            if self.spec.kind == 'depth':
                return read_depth(msg)
            image = read_color(msg)
        return self._rectified(image) if self._parameters.rectify else image

    def _rectified(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        calibration = self.calibration.get()
        with refusing(self.topic):
            if self._rectifier is None or self._rectifier[0] is not calibration:
                self._rectifier = calibration, Rectifier(calibration)
            return self._rectifier[1].rectify(image)

    def close(self) -> None:
        """Stop listening; what was received stays known."""
        for subscription, _ in self.subscriptions:
            self._node.destroy_subscription(subscription)
        self.subscriptions = []


def image_topic(node: Node, spec: ImageInput, parameters: InputParameters) -> str:
    """Return the topic as image_transport builds it: remap the base name, then append."""
    base: str = node.resolve_topic_name(spec.topic)
    if parameters.transport == 'raw':
        return base
    return base + ('/compressedDepth' if spec.kind == 'depth' else '/compressed')
