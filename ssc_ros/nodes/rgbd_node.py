"""Colour and registered depth in, completed labelled scene out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ssc_ros.frames import RgbdFrame
from ssc_ros.nodes.flow import FrameParts
from ssc_ros.nodes.inputs import ImageInput
from ssc_ros.nodes.lifecycle_node import run_node
from ssc_ros.nodes.perception_node import PerceptionNode
from ssc_ros.nodes.settings import RgbdParameters


class RgbdNode(PerceptionNode[RgbdParameters]):
    """Runs a network on colour with depth registered to it (same size, same optical frame)."""

    image_inputs = (
        ImageInput('rgb', 'rgb/image_rect', 'rgb/camera_info'),
        ImageInput('depth', 'depth/image_rect', kind='depth'),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__('rgbd_node', RgbdParameters, **options)

    def build_frame(self, parts: FrameParts) -> RgbdFrame:
        """Return the pair with the camera of the colour image."""
        return RgbdFrame(
            rgb=parts.images['rgb'], depth_m=parts.images['depth'],
            camera=parts.calibrations['rgb'].rectified_camera(), placement=parts.placement,
            stamp_ns=parts.stamp_ns, frame_id=parts.frame_id)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; the entry point of the executable."""
    return run_node(RgbdNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
