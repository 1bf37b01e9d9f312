"""Colour images in, labels, depth and labelled points out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ssc_ros.frames import ImageEstimate, RgbFrame
from ssc_ros.models.estimator import ImageEstimator, load_image_estimator
from ssc_ros.nodes.flow import FrameParts
from ssc_ros.nodes.image_outputs import IMAGE_OUTPUTS, LabelledImage
from ssc_ros.nodes.inputs import ImageInput
from ssc_ros.nodes.lifecycle_node import run_node
from ssc_ros.nodes.outputs import OutputPublisher
from ssc_ros.nodes.perception_node import PerceptionNode
from ssc_ros.nodes.settings import SegmentationParameters
from ssc_ros.nodes.timings import Stopwatch

COLOR = ImageInput('rgb', 'rgb/image_rect', 'rgb/camera_info')
DEPTH = ImageInput('depth', 'depth/image_rect', kind='depth')


class SegmentationNode(PerceptionNode[SegmentationParameters]):
    """Labels the images of one camera; depth is estimated, or measured where it is at hand."""

    image_inputs: tuple[ImageInput, ...] = (COLOR,)
    outputs = IMAGE_OUTPUTS

    def __init__(
        self, *, load: Callable[..., ImageEstimator] = load_image_estimator, **options: Any,
    ) -> None:
        super().__init__('segmentation_node', SegmentationParameters, load=load, **options)

    def create_handler(
        self, estimator: ImageEstimator, publisher: OutputPublisher,
    ) -> ImageHandler:
        """Return a handler that takes images as they are."""
        return ImageHandler(self, publisher)

    def handle_configure(self) -> None:
        """Load the network and announce the topics; from here on the inputs are fixed."""
        is_measured = self.parameters.depth.source == 'topic'
        self.image_inputs = (COLOR, DEPTH) if is_measured else (COLOR,)
        super().handle_configure()


class ImageHandler:
    """Frames of the images, labelled images of the estimates."""

    def __init__(self, node: SegmentationNode, publisher: OutputPublisher) -> None:
        self._node = node
        self._publisher = publisher

    def build(
        self, parts: FrameParts, watch: Stopwatch,
    ) -> tuple[RgbFrame, Callable[[ImageEstimate], None]]:
        """Return the image with its camera, and what publishes its labels."""
        frame = RgbFrame(
            rgb=parts.images['rgb'], camera=parts.calibrations['rgb'].rectified_camera(),
            depth_m=parts.images.get('depth'), stamp_ns=parts.stamp_ns, frame_id=parts.frame_id)
        return frame, lambda estimate: self._publish(frame, estimate)

    def _publish(self, frame: RgbFrame, estimate: ImageEstimate) -> None:
        parameters = self._node.parameters
        factor = np.float32(parameters.depth.factor)
        if estimate.depth_m is not None and factor != 1:
            estimate = replace(estimate, depth_m=estimate.depth_m * factor)
        self._publisher.publish(
            LabelledImage(frame, estimate, parameters.labels, parameters.depth))

    def clear(self) -> None:
        """Nothing was received."""

    def close(self) -> None:
        """Nothing to stop."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; the entry point of the executable."""
    return run_node(SegmentationNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
