"""What mapping_node sends of its map; what was measured and what was inferred stay apart."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.fusion.completion import NO_LABEL
from ssc_ros.fusion.map_view import MapView, SurfaceVoxels
from ssc_ros.fusion.mesh import SceneMesh
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.clouds import semantic_points
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.marker_parts import colored_part
from ssc_ros.messages.markers import CUBE_LIST, MarkerPart, Markers
from ssc_ros.nodes.mapping_settings import MappingParameters
from ssc_ros.nodes.outputs import Encoders, Output

OBSERVED, COMPLETED = 'observed', 'completed'
# Marker ids of completed cubes: behind those of all labels.
COMPLETED_IDS = 1000


class MapScene:
    """
    A map to be sent; copied and computed when the first output asks for it.

    Args:
        view: returns a copy of the map.
        label_space: what its labels mean.
        parameters: what to send, and the name of the world's frame.
    """

    def __init__(
        self, view: Callable[[], MapView], label_space: LabelSpace, parameters: MappingParameters,
    ) -> None:
        self._view = view
        self.label_space = label_space
        self.parameters = parameters

    @cached_property
    def view(self) -> MapView:
        """The map at the moment of the first look."""
        return self._view()

    @property
    def is_empty(self) -> bool:
        """Whether no frame is in it yet."""
        return self.view.stamp_ns == 0

    @cached_property
    def header(self) -> Any:
        """std_msgs/Header with the stamp of the newest frame and the frame of the map."""
        return make_header(self.view.stamp_ns, self.parameters.pose.world_frame)

    @cached_property
    def voxels(self) -> SurfaceVoxels:
        """All measured voxels, and the completed ones of sufficient confidence."""
        voxels, least = self.view.voxels, self.parameters.outputs.min_confidence
        return voxels if least <= 0 else voxels.chosen(
            voxels.observed | (voxels.confidence >= least))

    @cached_property
    def mesh(self) -> SceneMesh:
        """The surface."""
        return self.view.mesh()

    def colors(
        self, rgb: NDArray[np.uint8], labels: NDArray[np.uint8],
    ) -> NDArray[np.uint8]:
        """Return (N, 3) colours as the parameters want them."""
        is_class = self.parameters.outputs.color == 'class'
        return self.label_space.colorize(labels) if is_class else rgb


def map_cloud(scene: MapScene, voxels: SurfaceVoxels) -> NDArray[Any]:
    """Return (N,) SEMANTIC_POINT of voxels, for encode_cloud()."""
    cloud = semantic_points(
        voxels.points, voxels.labels, scene.label_space,
        observed=voxels.observed, confidence=voxels.confidence)
    red, green, blue = scene.colors(voxels.rgb, voxels.labels).T.astype(np.uint32)
    cloud['rgb'] = red << 16 | green << 8 | blue
    return cloud


def map_markers(scene: MapScene) -> Markers:
    """Return one cube list per class of the measured, and one of the completed voxels."""
    space, voxels = scene.label_space, scene.voxels
    points = voxels.points
    edge_m = scene.view.volume.grid.voxel_size_m * scene.parameters.outputs.marker_edge_ratio
    cubes = []
    for kind, first_id, is_kind in ((OBSERVED, 0, voxels.observed),
                                    (COMPLETED, COMPLETED_IDS, ~voxels.observed)):
        for label in (*space.occupied_ids, NO_LABEL):
            name = space.names[label] if label < len(space) else 'unlabelled'
            red, green, blue = (float(value) / 255 for value in space.palette[label])
            cubes.append(MarkerPart(
                f'{kind}/{name}', first_id + label, CUBE_LIST, edge_m, (red, green, blue, 1.0),
                points[is_kind & (voxels.labels == label)]))
    return Markers(tuple(cubes), scene.view.stamp_ns, scene.header.frame_id)


def map_mesh(scene: MapScene) -> Markers:
    """Return measured and completed triangles; those with any inferred corner are completed."""
    mesh = scene.mesh
    assert mesh.rgb is not None  # views of maps have colours and labels
    assert mesh.labels is not None
    rgb = scene.colors(mesh.rgb, mesh.labels)
    is_seen = mesh.observed[mesh.faces].all(axis=1)
    return Markers(
        (colored_part(OBSERVED, mesh.vertices, mesh.faces[is_seen], rgb),
         colored_part(COMPLETED, mesh.vertices, mesh.faces[~is_seen], rgb)),
        scene.view.stamp_ns, scene.header.frame_id)


def _points(scene: MapScene, encode: Encoders) -> Any:
    return None if scene.is_empty else encode.cloud(map_cloud(scene, scene.voxels), scene.header)


def _observed(scene: MapScene, encode: Encoders) -> Any:
    if scene.is_empty:
        return None
    voxels = scene.voxels
    return encode.cloud(map_cloud(scene, voxels.chosen(voxels.observed)), scene.header)


def _completed(scene: MapScene, encode: Encoders) -> Any:
    if scene.is_empty:
        return None
    voxels = scene.voxels
    return encode.cloud(map_cloud(scene, voxels.chosen(~voxels.observed)), scene.header)


def _markers(scene: MapScene, encode: Encoders) -> Any:
    return None if scene.is_empty else encode.markers(map_markers(scene))


def _mesh(scene: MapScene, encode: Encoders) -> Any:
    return None if scene.is_empty else encode.markers(map_mesh(scene))


MAP_OUTPUTS = (
    Output('~/voxels/points', 'sensor_msgs/PointCloud2', _points,
           'every voxel with a surface: x y z rgb label confidence observed'),
    Output('~/voxels/observed', 'sensor_msgs/PointCloud2', _observed,
           'those of them that were measured'),
    Output('~/voxels/completed', 'sensor_msgs/PointCloud2', _completed,
           'those of them that only the network tells of'),
    Output('~/voxels/markers', 'visualization_msgs/MarkerArray', _markers,
           'the same as one cube list per class, measured and completed in namespaces of their '
           'own, for RViz'),
    Output('~/mesh', 'visualization_msgs/MarkerArray', _mesh,
           'the surface as two triangle lists, observed and completed, for RViz'),
)
