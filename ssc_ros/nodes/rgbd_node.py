"""Colour and registered depth in, completed labelled scene out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import RgbdFrame
from ssc_ros.geometry.gravity import DepthView
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.models.estimator import (
    Estimator,
    IterativeEstimator,
    resolve_iterations,
    set_iterations,
)
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

    def load_fitting(
        self, load: Callable[..., Estimator], weights: str, **options: Any,
    ) -> Estimator:
        """Load a network that refines its answer as often as the parameters say."""
        estimator = super().load_fitting(load, weights, **options)
        set_iterations(estimator, self.parameters.model.iterations)
        return estimator

    def refusal(self, parameters: RgbdParameters) -> str:
        """Refuse iterations and classes that the loaded network does not have."""
        if self._estimator is not None:
            try:
                resolve_iterations(self._estimator, parameters.model.iterations)
            except ConfigurationError as error:
                return f'model.{error}'
        return super().refusal(parameters)

    def handle_parameter_change(self) -> None:
        """Let the next frame be made with the iterations that are wanted now."""
        super().handle_parameter_change()
        if self._estimator is not None:
            set_iterations(self._estimator, self.parameters.model.iterations)

    def network_details(self) -> dict[str, str]:
        """Tell how often the network refines its answer, where it does."""
        is_iterative = isinstance(self._estimator, IterativeEstimator)
        return {'iterations': str(self._estimator.iterations)} if is_iterative else {}

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
