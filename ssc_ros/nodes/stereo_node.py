"""Stereo images in, completed labelled scene out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ssc_ros.frames import StereoFrame
from ssc_ros.geometry.calibration import CameraCalibration, stereo_rig_from_calibrations
from ssc_ros.geometry.cameras import StereoRig
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.nodes.completion_node import CompletionNode
from ssc_ros.nodes.flow import FrameParts
from ssc_ros.nodes.inputs import ImageInput
from ssc_ros.nodes.lifecycle_node import run_node
from ssc_ros.nodes.settings import StereoParameters


class StereoNode(CompletionNode[StereoParameters]):
    """Runs a stereo network on rectified pairs (or raw ones, with ``input.rectify``)."""

    frame_type = StereoFrame
    image_inputs = (
        ImageInput('left', 'left/image_rect', 'left/camera_info'),
        ImageInput('right', 'right/image_rect', 'right/camera_info'),
    )

    def __init__(self, **options: Any) -> None:
        super().__init__('stereo_node', StereoParameters, **options)
        self._rig: tuple[CameraCalibration, CameraCalibration, StereoRig] | None = None

    def build_frame(self, parts: FrameParts, placement: BoxPlacement) -> StereoFrame:
        """Return the pair with its rig, which is rebuilt only when a calibration changes."""
        left, right = parts.calibrations['left'], parts.calibrations['right']
        if self._rig is None or self._rig[0] is not left or self._rig[1] is not right:
            self._rig = left, right, stereo_rig_from_calibrations(left, right)
        return StereoFrame(
            left=parts.images['left'], right=parts.images['right'], rig=self._rig[2],
            placement=placement, stamp_ns=parts.stamp_ns, frame_id=parts.frame_id)


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; the entry point of the executable."""
    return run_node(StereoNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
