"""Shows what a perception node sees in a browser page on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssc_ros.errors import SscError
from ssc_ros.labels import load_label_space
from ssc_ros.messages.classes import message_class
from ssc_ros.messages.cloud_reading import cloud_xyz, decode_cloud
from ssc_ros.messages.depth import decode_depth
from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.images import decode_label
from ssc_ros.nodes.inputs import CameraInput, ImageInput
from ssc_ros.nodes.lifecycle_node import SscLifecycleNode, run_node
from ssc_ros.nodes.parameters import parameter
from ssc_ros.nodes.qos import overridable, sensor_qos
from ssc_ros.nodes.refusals import RefusedInputError
from ssc_ros.nodes.reporting import ThrottledReporter
from ssc_ros.nodes.settings import InputParameters, LifecycleParameters
from ssc_ros.viewer.command import DEFAULT_PORT
from ssc_ros.viewer.gate import LOOPBACK, TOKEN_VARIABLE, Access
from ssc_ros.viewer.live import StampedParts, frame_from_cloud
from ssc_ros.viewer.recorded_frame import RecordedFrame
from ssc_ros.viewer.server import LiveView

VOXELS, LABELS, DEPTH, IMAGE = 'voxels/points', 'label_image', 'depth', 'image'
OUTPUTS = {VOXELS: 'PointCloud2', LABELS: 'Image', DEPTH: 'Image'}


@dataclass(frozen=True, slots=True)
class ViewerParameters(LifecycleParameters):
    """viewer_node: subscribes to the outputs of one perception node and to its left image."""

    source: str = parameter(
        'stereo_node', 'name of the node whose outputs are shown', read='activation')
    label_space: str = parameter(
        'nyu12', 'names and colours of its class ids: a shipped label space or a YAML file',
        path='name')
    port: int = parameter(
        DEFAULT_PORT, 'of the page; on 127.0.0.1 the next free one when it is taken',
        minimum=1024, maximum=65535)
    host: str = parameter(
        LOOPBACK, 'address that the page listens on; other machines need the token that the '
        f'environment variable {TOKEN_VARIABLE} holds, as everybody can read parameters',
        read='start')
    input: InputParameters = field(default_factory=InputParameters)


class ViewerNode(SscLifecycleNode[ViewerParameters]):
    """
    Puts the outputs of one stamp together and hands them to the page.

    Attributes:
        view: the page, None before the node is configured.
        reporter: told about messages that cannot be shown.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('viewer_node', ViewerParameters, **options)
        self.reporter = ThrottledReporter(self.get_logger().warning)
        self.view: LiveView | None = None
        self._camera: CameraInput | None = None
        self._outputs: list[Any] = []
        self._parts = StampedParts(VOXELS, (LABELS, DEPTH, IMAGE))

    def handle_configure(self) -> None:
        """Open the page."""
        self._label_space = load_label_space(self.parameters.label_space)
        self.view = LiveView(
            self._label_space, port=self.parameters.port,
            access=Access(self.parameters.host, os.environ.get(TOKEN_VARIABLE, '')))
        self.get_logger().info(f'the page is at {self.view.url}')

    def handle_activate(self) -> None:
        """Listen."""
        self._parts = StampedParts(VOXELS, (LABELS, DEPTH, IMAGE))
        self._camera = CameraInput(
            self, ImageInput(IMAGE, 'left/image_rect', 'left/camera_info'), self.parameters.input)
        self._camera.open(self._receive)
        self._outputs = [
            self.create_subscription(
                message_class(f'sensor_msgs/{kind}'), f'{self.parameters.source}/{topic}',
                self._receiver(topic), sensor_qos(), **overridable())
            for topic, kind in OUTPUTS.items()]

    def handle_deactivate(self) -> None:
        """Stop listening; the page keeps its last frame."""
        for subscription in self._outputs:
            self.destroy_subscription(subscription)
        self._outputs = []
        if self._camera is not None:
            self._camera.close()

    def handle_cleanup(self) -> None:
        """Close the page."""
        view, self.view = self.view, None
        if view is not None:
            view.stop()

    def _receiver(self, topic: str) -> Callable[[Any], None]:
        return lambda msg: self._receive(topic, msg)

    def _receive(self, topic: str, msg: Any) -> None:
        parts = self._parts.offer(topic, stamp_ns(msg.header.stamp), msg)
        if parts is None or self.view is None:
            return
        try:
            self.view.update(self._frame(parts))
        except RefusedInputError as error:
            self.reporter.warn(error.reason, error.topic, str(error))
        except SscError as error:
            self.reporter.warn('not_shown', f'{self.parameters.source}/{VOXELS}', str(error))

    def _frame(self, parts: Mapping[str, Any]) -> RecordedFrame:
        assert self._camera is not None  # set before any message can arrive
        cloud = decode_cloud(parts[VOXELS])
        camera = self._camera.calibration.get().rectified_camera()
        return frame_from_cloud(
            cloud_xyz(cloud), cloud['label'], observed=cloud['observed'].astype(np.bool_),
            confidence=cloud['confidence'], camera=camera, label_space=self._label_space,
            image=self._camera.read(parts[IMAGE]) if IMAGE in parts else None,
            image_labels=decode_label(parts[LABELS]).astype(np.uint8) if LABELS in parts else None,
            depth_m=decode_depth(parts[DEPTH]) if DEPTH in parts else None,
            stamp_ns=stamp_ns(parts[VOXELS].header.stamp))


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; the entry point of the executable."""
    return run_node(ViewerNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
