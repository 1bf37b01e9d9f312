"""A perception node that completes scenes: frames stand in a world with a level floor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.gravity import DepthView
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.messages.occupancy import class_costs, parse_costs
from ssc_ros.models.estimator import Estimator, load_estimator
from ssc_ros.nodes.flow import FrameParts
from ssc_ros.nodes.fused_outputs import FUSED_OUTPUTS
from ssc_ros.nodes.map_services import MapServices
from ssc_ros.nodes.outputs import SCENE_OUTPUTS, Output, OutputPublisher, band_outputs
from ssc_ros.nodes.perception_node import PerceptionNode
from ssc_ros.nodes.poses import create_pose_source
from ssc_ros.nodes.refusals import NO_POSE, refusing
from ssc_ros.nodes.scenes import Scene
from ssc_ros.nodes.settings import CompletionParameters
from ssc_ros.nodes.temporal_fusion import TemporalFusion
from ssc_ros.nodes.timings import Stopwatch

Frame = StereoFrame | RgbdFrame
FRAME_NAMES = {StereoFrame: 'stereo pairs', RgbdFrame: 'RGB-D frames'}

ParametersT = TypeVar('ParametersT', bound=CompletionParameters)


class CompletionNode(PerceptionNode[ParametersT]):
    """
    Runs a network on stereo pairs or RGB-D frames; subclasses build these.

    Attributes:
        fusion: what is remembered of earlier frames, None = nothing; it outlives deactivation.
    """

    outputs: tuple[Output, ...] = SCENE_OUTPUTS
    fusion: TemporalFusion | None = None
    frame_type: type[Frame]

    def __init__(
        self, name: str, parameters: type[ParametersT], *,
        load: Callable[..., Estimator] = load_estimator, **options: Any,
    ) -> None:
        super().__init__(name, parameters, load=partial(self.load_fitting, load), **options)
        MapServices(self, lambda: self.fusion, self.map_path)

    def handle_configure(self) -> None:
        """Load the network and announce the topics, among them those that parameters ask for."""
        values = self.parameters
        fused = FUSED_OUTPUTS if values.fusion.enabled else ()
        self.outputs = (*SCENE_OUTPUTS, *band_outputs(values.outputs.grid_bands), *fused)
        super().handle_configure()
        self._check_costs(values)
        if values.fusion.enabled:
            self.fusion = TemporalFusion(self._estimator, values, self.reporter)
            self.get_logger().info(
                f'fusing within {values.fusion.radius_m:g} m of the camera, '
                f'{self.fusion.num_bytes / 1e6:.0f} MB')

    def map_path(self) -> Path:
        """
        Return the file of ~/save_map and ~/load_map.

        Raises:
            ConfigurationError: a relative name leads out of ``files_directory``.
        """
        path = Path(self.parameters.fusion.map_file)
        # An absolute one was given at start, or was confined when the parameter was set.
        return path if path.is_absolute() else self.confined_path(str(path))

    def handle_cleanup(self) -> None:
        """Free the network and the map, and take the topics away."""
        super().handle_cleanup()
        self.fusion = None

    def load_fitting(
        self, load: Callable[..., Estimator], weights: str, **options: Any,
    ) -> Estimator:
        """
        Load a network, ready to be run.

        Raises:
            ConfigurationError: it does not fit the node or its parameters.
        """
        estimator = load(weights, **options)
        if self.frame_type not in estimator.frame_types:
            wanted = ' or '.join(FRAME_NAMES[kind] for kind in estimator.frame_types)
            raise ConfigurationError(
                f'model.weights {weights} completes {wanted} but this node makes '
                f'{FRAME_NAMES[self.frame_type]}: give other weights or start the other node')
        return estimator

    def refusal(self, parameters: ParametersT) -> str:
        """Refuse costs of classes that the loaded network does not have."""
        try:
            self._check_costs(parameters)
        except ConfigurationError as error:
            return str(error)
        return ''

    def _check_costs(self, parameters: ParametersT) -> None:
        if self._estimator is not None:
            class_costs(self._estimator.label_space, parse_costs(parameters.outputs.class_costs))

    def build_frame(self, parts: FrameParts, placement: BoxPlacement) -> Frame:
        """
        Turn decoded images into the frame of the network.

        Raises:
            SscError: the images do not fit each other or their calibration.
        """
        raise NotImplementedError

    def measured_depth(self, parts: FrameParts) -> DepthView | None:
        """Return the depth image with the camera it is registered to, where there is one."""
        return None

    def create_handler(self, estimator: Estimator, publisher: OutputPublisher) -> SceneHandler:
        """Return a handler that finds the pose of every frame."""
        return SceneHandler(self, estimator, publisher)


class SceneHandler:
    """Pose, voxel box and frame of the images; scenes of the estimates."""

    def __init__(
        self, node: CompletionNode[Any], estimator: Estimator, publisher: OutputPublisher,
    ) -> None:
        self._node = node
        self._estimator = estimator
        self._publisher = publisher
        self._pose_source = create_pose_source(node, lambda: node.parameters.pose, node.reporter)

    def build(
        self, parts: FrameParts, watch: Stopwatch,
    ) -> tuple[Frame, Callable[[SceneEstimate], None]]:
        """Return the frame, and what publishes the scene where the camera stood."""
        depth = self._node.measured_depth(parts)  # a bad calibration is not a missing pose
        with watch.stage('pose'), refusing(parts.topic, NO_POSE):
            T_world_camera = self._pose_source.pose_at(parts.stamp_ns, parts.frame_id, depth)
            placement = self._estimator.place_box(
                T_world_camera, self._node.parameters.pose.heading)
            world_frame = self._pose_source.world_frame
        frame = self._node.build_frame(parts, placement)

        def publish(estimate: SceneEstimate) -> None:
            parameters, fusion = self._node.parameters, self._node.fusion
            with watch.stage('fuse'):
                fused = None if fusion is None else fusion.add(
                    estimate, T_world_camera, world_frame=world_frame, parameters=parameters)
            self._publisher.publish(Scene(estimate, T_world_camera, parameters.outputs, fused))

        return frame, publish

    def clear(self) -> None:
        """Forget received poses."""
        self._pose_source.clear()

    def close(self) -> None:
        """Stop listening to poses."""
        self._pose_source.close()
