"""Colour and registered depth in, completed labelled scene out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ssc_ros.frames import RgbdFrame
from ssc_ros.geometry.gravity import DepthView
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.nodes.completion_node import CompletionNode
from ssc_ros.nodes.flow import FrameParts
from ssc_ros.nodes.inputs import ImageInput
from ssc_ros.nodes.lifecycle_node import run_node
from ssc_ros.nodes.settings import RgbdParameters


class RgbdNode(CompletionNode[RgbdParameters]):
    """Runs a network on colour with depth registered to it (same size, same optical frame)."""

    frame_type = RgbdFrame
    image_inputs = (
        ImageInput('rgb', 'rgb/image_rect', 'rgb/camera_info'),
        ImageInput('depth', 'depth/image_rect', kind='depth'),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__('rgbd_node', RgbdParameters, **options)

    def build_frame(self, parts: FrameParts, placement: BoxPlacement) -> RgbdFrame:
        """Return the pair with the camera of the colour image."""
        return RgbdFrame(
            rgb=parts.images['rgb'], depth_m=parts.images['depth'],
            camera=parts.calibrations['rgb'].rectified_camera(), placement=placement,
            stamp_ns=parts.stamp_ns, frame_id=parts.frame_id)

    def measured_depth(self, parts: FrameParts) -> DepthView:
        """Return the depth image; it is registered to colour."""
        return DepthView(parts.images['depth'], parts.calibrations['rgb'].rectified_camera())


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; the entry point of the executable."""
    return run_node(RgbdNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
