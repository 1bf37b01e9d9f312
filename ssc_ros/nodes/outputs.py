"""Everything a perception node sends; each output is built only while somebody subscribes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message

from ssc_ros.messages.classes import message_class
from ssc_ros.messages.clouds import POINT_CLOUD
from ssc_ros.messages.depth import encode_depth
from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.images import encode_image
from ssc_ros.messages.label_images import encode_label_color, encode_label_image
from ssc_ros.messages.marker_parts import cube_parts, mesh_parts
from ssc_ros.messages.markers import MARKER_ARRAY, MarkerPart, Markers
from ssc_ros.messages.occupancy import HeightBand, encode_occupancy_grid, parse_bands
from ssc_ros.messages.volumes import encode_label_volume
from ssc_ros.messages.voxels import image_cloud, surface_mask, voxel_cloud
from ssc_ros.nodes.compat import LifecycleNode
from ssc_ros.nodes.qos import latched_qos, output_qos, overridable
from ssc_ros.nodes.reporting import ThrottledReporter
from ssc_ros.nodes.scenes import Scene
from ssc_ros.nodes.undoing import undone_on_failure

CLEARING_STRIDE = 4  # one ray per 4 x 4 pixels is denser than the cells of a costmap
# Costmaps drop what their TF buffer or persistence does not reach, and say nothing.
NAV_MAX_AGE_S = 0.5


@dataclass(frozen=True, slots=True)
class Encoders:
    """The fastest encoders of large messages that the running middleware understands."""

    cloud: Callable[[NDArray[Any], Any], Any]
    markers: Callable[[Markers], Any]


@dataclass(frozen=True, slots=True)
class Output:
    """
    One topic.

    Attributes:
        build: takes what the node sends of one frame (a Scene, a LabelledImage) and returns the
            message or its CDR bytes; None = there is nothing to send.
        max_age_s: who listens may silently drop what is older; None = nobody does.
    """

    topic: str
    message_type: str
    build: Callable[[Any, Encoders], Any]
    description: str
    qos: Callable[[], QoSProfile] = output_qos
    max_age_s: float | None = None


class OutputPublisher:
    """
    The publishers of one node.

    Args:
        node: a configured lifecycle node; nothing leaves before it is active.
        reporter: told about outputs that cannot be built.
        outputs: the topics.
    """

    def __init__(
        self, node: LifecycleNode, reporter: ThrottledReporter, outputs: Sequence[Output],
    ) -> None:
        self._node = node
        self._reporter = reporter
        self._encoders = Encoders(
            POINT_CLOUD.fastest(serialize_message), MARKER_ARRAY.fastest(serialize_message))
        self._publishers: list[tuple[Output, Any]] = []
        with undone_on_failure(self.close):
            for output in outputs:
                self._publishers.append((output, node.create_lifecycle_publisher(
                    message_class(output.message_type), output.topic, output.qos(),
                    **overridable())))

    @property
    def publishers(self) -> list[Any]:
        """One per output."""
        return [publisher for _, publisher in self._publishers]

    def publish(self, scene: Any) -> None:
        """Build and send what is subscribed to; one failing output does not stop the others."""
        for output, publisher in self._publishers:
            if not publisher.get_subscription_count():
                continue
            try:
                message = output.build(scene, self._encoders)
                if message is not None:
                    publisher.publish(message)
                    self._check_age(output, publisher.topic_name, scene)
            except Exception as error:
                if not self._node.context.ok():
                    raise  # a signal ended everything; nothing is wrong with this output
                self._reporter.warn('not_published', publisher.topic_name, repr(error))

    def _check_age(self, output: Output, topic: str, scene: Any) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        age_s = (now_ns - stamp_ns(scene.header.stamp)) / 1e9
        if output.max_age_s is not None and age_s > output.max_age_s:
            self._reporter.warn(
                'old_output', topic,
                f'sent {age_s:.1f} s after the image was taken, costmaps may silently drop what '
                f'is older than {output.max_age_s:g} s: use a faster device or a smaller network, '
                'raise transform_tolerance of the costmap, and set use_sim_time for bags')

    def close(self) -> None:
        """Take the topics away."""
        for _, publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers = []


def encode_grey(share: NDArray[np.float32], header: Any) -> Any:
    """Return (H, W) values of 0 to 1 as a mono8 image, 255 = 1."""
    return encode_image(np.rint(share * 255).astype(np.uint8), 'mono8', header)


def _voxel_points(scene: Scene, encode: Encoders) -> Any:
    return encode.cloud(voxel_cloud(scene.estimate, is_kept=scene.is_kept), scene.header)


def _voxel_labels(scene: Scene, encode: Encoders) -> Any:
    return encode_label_volume(scene.estimate.labels, scene.header)


def _semantic_points(scene: Scene, encode: Encoders) -> Any:
    estimate = scene.estimate
    if estimate.depth_m is None or estimate.image_labels is None:
        return None
    certainty = estimate.image_confidence
    cloud = image_cloud(estimate, confidence=np.nan if certainty is None else certainty)
    return encode.cloud(cloud, scene.header)


def _label_image(scene: Scene, encode: Encoders) -> Any:
    labels = scene.estimate.image_labels
    return None if labels is None else encode_label_image(labels, scene.header)


def _label_image_color(scene: Scene, encode: Encoders) -> Any:
    estimate = scene.estimate
    if estimate.image_labels is None:
        return None
    return encode_label_color(estimate.image_labels, estimate.label_space, scene.header)


def _image_confidence(scene: Scene, encode: Encoders) -> Any:
    certainty = scene.estimate.image_confidence
    return None if certainty is None else encode_image(certainty, '32FC1', scene.header)


def _nav_confidence(scene: Scene, encode: Encoders) -> Any:
    certainty = scene.estimate.image_confidence
    return None if certainty is None else encode_grey(certainty, scene.header)


def _depth(scene: Scene, encode: Encoders) -> Any:
    depth_m = scene.estimate.depth_m
    return None if depth_m is None else encode_depth(depth_m, scene.header)


def _obstacles(scene: Scene, encode: Encoders) -> Any:
    return encode.cloud(voxel_cloud(scene.estimate, is_kept=scene.is_obstacle), scene.header)


def _clearing(scene: Scene, encode: Encoders) -> Any:
    """Only rays that a sensor measured may clear a costmap: inferred ones would erase matter."""
    if not scene.estimate.is_depth_measured:
        return None
    points = image_cloud(scene.estimate)[::CLEARING_STRIDE, ::CLEARING_STRIDE].reshape(-1)
    return encode.cloud(points[np.isfinite(points['z'])], scene.header)


def _occupancy_grid(scene: Scene, encode: Encoders, band: HeightBand | None = None) -> Any:
    estimate = scene.estimate
    return encode_occupancy_grid(
        scene.occupancy(band), estimate.grid, estimate.T_camera_voxel, scene.header)


def _markers(scene: Scene, encode: Encoders) -> Any:
    estimate, values = scene.estimate, scene.parameters
    is_shown = surface_mask(scene.is_kept) if values.marker_surface_only else scene.is_kept
    return _marker_array(scene, encode, cube_parts(
        estimate.labels, estimate.grid, estimate.label_space, is_shown,
        edge_ratio=values.marker_edge_ratio))


def _mesh(scene: Scene, encode: Encoders) -> Any:
    estimate = scene.estimate
    return _marker_array(scene, encode, mesh_parts(
        estimate.labels, estimate.grid, estimate.label_space, scene.is_kept))


def _marker_array(scene: Scene, encode: Encoders, parts: tuple[MarkerPart, ...]) -> Any:
    estimate = scene.estimate
    return encode.markers(Markers(
        parts, estimate.stamp_ns, estimate.frame_id, estimate.T_camera_voxel))


SCENE_OUTPUTS = (
    Output('~/voxels/points', 'sensor_msgs/PointCloud2', _voxel_points,
           'occupied voxels: x y z rgb label confidence observed'),
    Output('~/voxels/markers', 'visualization_msgs/MarkerArray', _markers,
           'occupied voxels as one cube list per class, for RViz'),
    Output('~/voxels/mesh', 'visualization_msgs/MarkerArray', _mesh,
           'their visible faces, merged, as one triangle list per class: fewer than cubes, and '
           'lit by RViz'),
    Output('~/voxels/labels', 'sensor_msgs/Image', _voxel_labels,
           'dense label volume as mono8: height = X, width = Y * Z of the array in C order'),
    Output('~/semantic_points', 'sensor_msgs/PointCloud2', _semantic_points,
           'labelled depth image as an organised cloud'),
    Output('~/label_image', 'sensor_msgs/Image', _label_image, 'class ids, mono8, 255 = none'),
    Output('~/label_image_color', 'sensor_msgs/Image', _label_image_color, 'class colours, rgb8'),
    Output('~/confidence', 'sensor_msgs/Image', _image_confidence,
           'probability of ~/label_image, 32FC1, 0 to 1; only of networks that label images too'),
    Output('~/depth', 'sensor_msgs/Image', _depth, 'metres, 32FC1, NaN = none'),
    Output('~/nav/obstacles', 'sensor_msgs/PointCloud2', _obstacles,
           'voxels in the height band that are not free to cross, completed ones only where '
           'certain, for marking', max_age_s=NAV_MAX_AGE_S),
    Output('~/nav/confidence', 'sensor_msgs/Image', _nav_confidence,
           '~/confidence as mono8, 255 = certain', max_age_s=NAV_MAX_AGE_S),
    Output('~/nav/clearing', 'sensor_msgs/PointCloud2', _clearing,
           'end points of measured rays, for clearing; only where depth is measured',
           max_age_s=NAV_MAX_AGE_S),
    Output('~/occupancy_grid', 'nav_msgs/OccupancyGrid', _occupancy_grid,
           'highest cost of every column within the height band', latched_qos, NAV_MAX_AGE_S),
)


def band_outputs(bands: Iterable[str]) -> tuple[Output, ...]:
    """Return one occupancy grid per height band of ``parse_bands``."""
    return tuple(
        Output(f'~/occupancy_grid/{name}', 'nav_msgs/OccupancyGrid',
               partial(_occupancy_grid, band=band),
               f'~/occupancy_grid from {band.minimum_m:g} to {band.maximum_m:g} m above the floor',
               latched_qos, NAV_MAX_AGE_S)
        for name, band in parse_bands(bands).items())
