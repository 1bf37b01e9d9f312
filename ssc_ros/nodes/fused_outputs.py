"""What is sent of a map fused over time; what was observed and what was inferred stay apart."""

from __future__ import annotations

from functools import partial
from typing import Any

from ssc_ros.messages.clouds import semantic_points
from ssc_ros.messages.marker_parts import cube_parts, mesh_parts
from ssc_ros.messages.markers import Markers
from ssc_ros.messages.voxels import surface_mask
from ssc_ros.nodes.outputs import Encoders, Output
from ssc_ros.nodes.scenes import Scene

# Completed matter must not pass for observed: smaller cubes, translucent faces.
COMPLETED_EDGE_RATIO, COMPLETED_ALPHA = 0.5, 0.4
# Marker ids of completed faces: behind those of all labels.
COMPLETED_IDS = 1000


def _points(scene: Scene, encode: Encoders) -> Any:
    fused = scene.fused
    if fused is None:
        return None
    voxels = fused.voxels
    return encode.cloud(semantic_points(
        voxels.points, voxels.labels, fused.label_space, observed=voxels.observed,
        confidence=voxels.confidence), fused.header)


def _markers(scene: Scene, encode: Encoders, *, observed: bool) -> Any:
    fused, values = scene.fused, scene.parameters
    if fused is None:
        return None
    volume = fused.volume
    is_shown = volume.is_occupied & (volume.is_observed == observed)
    if values.marker_surface_only:
        is_shown = surface_mask(is_shown)
    return encode.markers(Markers(cube_parts(
        volume.labels, volume.grid, fused.label_space, is_shown,
        edge_ratio=values.marker_edge_ratio * (1 if observed else COMPLETED_EDGE_RATIO)),
        fused.stamp_ns, fused.frame_id))


def _mesh(scene: Scene, encode: Encoders) -> Any:
    fused = scene.fused
    if fused is None:
        return None
    volume = fused.volume
    return encode.markers(Markers((
        *mesh_parts(volume.labels, volume.grid, fused.label_space,
                    volume.is_occupied & volume.is_observed, prefix='observed/'),
        *mesh_parts(volume.labels, volume.grid, fused.label_space,
                    volume.is_occupied & ~volume.is_observed, prefix='completed/',
                    first_id=COMPLETED_IDS, alpha=COMPLETED_ALPHA)),
        fused.stamp_ns, fused.frame_id))


FUSED_OUTPUTS = (
    Output('~/fused/points', 'sensor_msgs/PointCloud2', _points,
           'occupied voxels of the map fused over time: x y z rgb label confidence observed; only '
           'with fusion.enabled, as all of ~/fused'),
    Output('~/fused/markers', 'visualization_msgs/MarkerArray', partial(_markers, observed=True),
           'observed voxels of the fused map as one cube list per class, for RViz'),
    Output('~/fused/markers_completed', 'visualization_msgs/MarkerArray',
           partial(_markers, observed=False),
           'completed voxels of the fused map as smaller cubes, for RViz'),
    Output('~/fused/mesh', 'visualization_msgs/MarkerArray', _mesh,
           'visible faces of the fused map, merged, as one triangle list per class; observed and '
           'completed ones, which are translucent, in namespaces of their own'),
)
