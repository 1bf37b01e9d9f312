"""
Voxels as a visualization_msgs/MarkerArray: one CUBE_LIST per class.

Building 20,000 geometry_msgs/Point objects costs a tenth of a second, so the array is written
straight to CDR bytes, which ``Publisher.publish`` takes as they are. build_marker_array() makes
the same message of objects: it is the reference, and the way out where the middleware does not
speak plain CDR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import rotation_to_quaternion
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.cdr import CdrWriter
from ssc_ros.messages.classes import message_class, new_message
from ssc_ros.messages.headers import make_duration, make_header
from ssc_ros.messages.voxels import cell_centers, occupied_mask

# Constants of visualization_msgs/Marker.
CUBE_LIST, ADD, DELETE = 6, 0, 2
DEFAULT_EDGE_RATIO = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class CubeList:
    """
    The cubes of one class.

    Attributes:
        name: class name, the marker's namespace (a check-box in RViz).
        marker_id: class id.
        color: red, green, blue, alpha from 0 to 1.
        points: (N, 3) float64 centres in the voxel frame, metres; none = remove the marker.
    """

    name: str
    marker_id: int
    color: tuple[float, float, float, float]
    points: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class VoxelMarkers:
    """
    A marker array before it becomes a message.

    Attributes:
        cubes: one entry per class.
        T_frame_voxel: (4, 4) transform from the voxel frame into ``frame_id``.
        edge_m: edge of the cubes.
        lifetime_ns: how long viewers keep the cubes, 0 = until replaced.
    """

    cubes: tuple[CubeList, ...]
    T_frame_voxel: NDArray[np.float64]
    edge_m: float
    stamp_ns: int
    frame_id: str
    lifetime_ns: int = 0

    @property
    def pose(self) -> tuple[float, ...]:
        """Pose of the voxel frame in ``frame_id``: position x, y, z, quaternion x, y, z, w."""
        position = self.T_frame_voxel[:3, 3].tolist()
        return *position, *rotation_to_quaternion(self.T_frame_voxel[:3, :3])


def voxel_markers(
    labels: NDArray[np.uint8],
    grid: VoxelGrid,
    label_space: LabelSpace,
    *,
    T_frame_voxel: ArrayLike,
    frame_id: str,
    stamp_ns: int,
    is_kept: NDArray[np.bool_] | None = None,
    edge_ratio: float = DEFAULT_EDGE_RATIO,
    alpha: float = 1.0,
    lifetime_ns: int = 0,
) -> VoxelMarkers:
    """
    Sort the voxels of a scene by class.

    Args:
        labels: (X, Y, Z) in the array order of ``grid``.
        grid, label_space: where the voxels are and what the labels mean.
        T_frame_voxel: (4, 4) transform from the grid's frame into ``frame_id``.
        is_kept: (X, Y, Z) mask of the voxels to show; default: all occupied ones.
        edge_ratio: edge of the cubes relative to the voxels; below 1 the cubes stay distinct.
        alpha: opacity; RViz draws translucent cubes without hiding what is behind them.
    """
    is_shown = occupied_mask(labels, label_space)
    if is_kept is not None:
        is_shown &= is_kept
    cells = np.flatnonzero(is_shown)
    return point_markers(
        cell_centers(cells, grid), labels.reshape(-1)[cells], label_space,
        edge_m=grid.voxel_size_m * edge_ratio, T_frame_points=T_frame_voxel, frame_id=frame_id,
        stamp_ns=stamp_ns, alpha=alpha, lifetime_ns=lifetime_ns)


def point_markers(
    points: NDArray[np.float64],
    labels: NDArray[np.uint8],
    label_space: LabelSpace,
    *,
    edge_m: float,
    frame_id: str,
    stamp_ns: int,
    T_frame_points: ArrayLike | None = None,
    alpha: float = 1.0,
    lifetime_ns: int = 0,
) -> VoxelMarkers:
    """
    Sort cubes by class.

    Args:
        points: (N, 3) centres, metres.
        labels: (N,) class ids, none of them the empty one.
        edge_m: edge of the cubes.
        T_frame_points: (4, 4) transform of the points into ``frame_id``; default: they are in it.
        alpha, lifetime_ns: as of ``voxel_markers``.
    """
    order = np.argsort(labels, kind='stable')
    sorted_points = points[order]
    ends = np.cumsum(np.bincount(labels, minlength=256))
    cubes = tuple(
        CubeList(label_space.names[i], i, _rgba(label_space, i, alpha),
                 sorted_points[ends[i - 1] if i else 0:ends[i]])
        for i in label_space.occupied_ids)
    transform = np.eye(4) if T_frame_points is None else np.asarray(T_frame_points, np.float64)
    return VoxelMarkers(cubes, transform, edge_m, stamp_ns, frame_id, lifetime_ns)


def encode_marker_array(markers: VoxelMarkers) -> bytes:
    """Return the visualization_msgs/MarkerArray as CDR, for ``Publisher.publish``."""
    return _write(markers).to_bytes()


def build_marker_array(markers: VoxelMarkers) -> Any:
    """Return the visualization_msgs/MarkerArray as an object: slow, one Point per voxel."""
    pose = markers.pose
    return new_message(
        'visualization_msgs/MarkerArray',
        markers=[_build_marker(markers, cubes, pose) for cubes in markers.cubes])


def choose_marker_encoder(
    serialize: Callable[[Any], bytes],
) -> Callable[[VoxelMarkers], Any]:
    """
    Return the fastest encoder that the running middleware understands.

    Args:
        serialize: ``rclpy.serialization.serialize_message``; its bytes decide.

    Returns:
        encode_marker_array where it writes the same bytes, else build_marker_array.
    """
    sample = _sample()
    is_plain_cdr = _write(sample).equals(serialize(build_marker_array(sample)))
    return encode_marker_array if is_plain_cdr else build_marker_array


def _rgba(label_space: LabelSpace, label: int, alpha: float) -> tuple[float, float, float, float]:
    red, green, blue = (float(channel) / 255 for channel in label_space.colors[label])
    return red, green, blue, alpha


def _write(markers: VoxelMarkers) -> CdrWriter:
    writer, pose = CdrWriter(), markers.pose
    writer.numbers('I', len(markers.cubes))
    for cubes in markers.cubes:
        _write_marker(writer, markers, cubes, pose)
    return writer


def _write_marker(
    writer: CdrWriter, markers: VoxelMarkers, cubes: CubeList, pose: tuple[float, ...],
) -> None:
    """Write the fields of visualization_msgs/Marker in the order of its definition."""
    writer.header(markers.stamp_ns, markers.frame_id)
    writer.string(cubes.name)
    writer.numbers('i', cubes.marker_id, CUBE_LIST, _action(cubes))
    writer.numbers('d', *pose, *[markers.edge_m] * 3)
    writer.numbers('f', *cubes.color)
    writer.time(markers.lifetime_ns)
    writer.numbers('?', False)  # frame_locked
    writer.doubles(cubes.points)
    writer.numbers('I', 0)  # colors, as one colour holds for all
    writer.append(LAST_FIELDS)


def _last_fields() -> CdrWriter:
    """Return the fields of Marker that follow the colours and that lists leave empty."""
    writer = CdrWriter()
    writer.string('')  # texture_resource
    writer.header(0, '')  # texture, an empty CompressedImage
    writer.string('')
    writer.numbers('I', 0)
    writer.numbers('I', 0)  # uv_coordinates
    writer.string('')  # text
    writer.string('')  # mesh_resource
    writer.string('')  # mesh_file, an empty MeshFile
    writer.numbers('I', 0)
    writer.numbers('?', False)  # mesh_use_embedded_materials
    return writer


LAST_FIELDS = _last_fields()


def _action(cubes: CubeList) -> int:
    # An ADD without points leaves the old cubes on the screen of some viewers.
    return ADD if len(cubes.points) else DELETE


def _build_marker(markers: VoxelMarkers, cubes: CubeList, pose: tuple[float, ...]) -> Any:
    point = message_class('geometry_msgs/Point')
    marker = new_message(
        'visualization_msgs/Marker', ns=cubes.name, id=cubes.marker_id, type=CUBE_LIST,
        action=_action(cubes), header=make_header(markers.stamp_ns, markers.frame_id),
        lifetime=make_duration(markers.lifetime_ns),
        points=[point(x=x, y=y, z=z) for x, y, z in cubes.points.tolist()])
    position, orientation = marker.pose.position, marker.pose.orientation
    position.x, position.y, position.z = pose[:3]
    orientation.x, orientation.y, orientation.z, orientation.w = pose[3:]
    # Without field checks rclpy serialises an int in a float field as garbage.
    marker.scale.x = marker.scale.y = marker.scale.z = float(markers.edge_m)
    color = marker.color
    color.r, color.g, color.b, color.a = (float(channel) for channel in cubes.color)
    return marker


def _sample() -> VoxelMarkers:
    # Text of every length modulo 8 and an empty list exercise all alignments.
    cubes = tuple(
        CubeList('n' * length, length, (0.1, 0.2, 0.3, 1.0), np.full((length % 3, 3), 0.5))
        for length in range(9))
    return VoxelMarkers(cubes, np.eye(4), 0.1, 1_500_000_000, 'sample', 2_000_000_001)
