"""
Coloured meshes as a visualization_msgs/MarkerArray: one TRIANGLE_LIST per part.

As with cubes, the array is written straight to CDR bytes; build_mesh_array() makes the same
message of objects, as reference and as the way out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.messages.cdr import CdrWriter
from ssc_ros.messages.classes import message_class, new_message
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.markers import ADD, DELETE, LAST_FIELDS

TRIANGLE_LIST = 11  # of visualization_msgs/Marker
_IDENTITY = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class MeshPart:
    """
    Triangles that viewers can hide together.

    Attributes:
        name: namespace of the marker (a check-box in RViz).
        points: (3T, 3) float64 corners in metres, three to a triangle; none = remove the marker.
        colors: (3T, 4) float32 red, green, blue, alpha of each corner.
    """

    name: str
    points: NDArray[np.float64]
    colors: NDArray[np.float32]

    @property
    def action(self) -> int:
        """What viewers do with it."""
        return ADD if len(self.points) else DELETE


@dataclass(frozen=True, slots=True, eq=False)
class MeshMarkers:
    """A marker array before it becomes a message; points are given in ``frame_id``."""

    parts: tuple[MeshPart, ...]
    stamp_ns: int
    frame_id: str


def mesh_part(
    name: str, vertices: NDArray[np.float32], faces: NDArray[np.int32], rgb: NDArray[np.uint8],
) -> MeshPart:
    """
    Return the triangles of a mesh.

    Args:
        vertices: (V, 3) metres.
        faces: (T, 3) indices of vertices.
        rgb: (V, 3) colours of the vertices.
    """
    corners = faces.reshape(-1)
    colors = np.ones((len(corners), 4), np.float32)
    colors[:, :3] = rgb[corners] / np.float32(255)
    return MeshPart(name, vertices[corners].astype(np.float64), colors)


def encode_mesh_array(markers: MeshMarkers) -> bytes:
    """Return the visualization_msgs/MarkerArray as CDR, for ``Publisher.publish``."""
    return _write(markers).to_bytes()


def build_mesh_array(markers: MeshMarkers) -> Any:
    """Return the visualization_msgs/MarkerArray as an object: slow, one Point per corner."""
    return new_message('visualization_msgs/MarkerArray', markers=[
        _build_marker(markers, part) for part in markers.parts])


def choose_mesh_encoder(serialize: Callable[[Any], bytes]) -> Callable[[MeshMarkers], Any]:
    """
    Return the fastest encoder that the running middleware understands.

    Args:
        serialize: ``rclpy.serialization.serialize_message``; its bytes decide.

    Returns:
        encode_mesh_array where it writes the same bytes, else build_mesh_array.
    """
    sample = _sample()
    is_plain_cdr = _write(sample).equals(serialize(build_mesh_array(sample)))
    return encode_mesh_array if is_plain_cdr else build_mesh_array


def _write(markers: MeshMarkers) -> CdrWriter:
    writer = CdrWriter()
    writer.numbers('I', len(markers.parts))
    for part in markers.parts:
        writer.header(markers.stamp_ns, markers.frame_id)
        writer.string(part.name)
        writer.numbers('i', 0, TRIANGLE_LIST, part.action)
        writer.numbers('d', *_IDENTITY, 1.0, 1.0, 1.0)
        writer.numbers('f', 1.0, 1.0, 1.0, 1.0)
        writer.time(0)  # lifetime: until replaced
        writer.numbers('?', False)  # frame_locked
        writer.doubles(part.points)
        writer.floats(part.colors)
        writer.append(LAST_FIELDS)
    return writer


def _build_marker(markers: MeshMarkers, part: MeshPart) -> Any:
    point, color = (message_class(name) for name in ('geometry_msgs/Point', 'std_msgs/ColorRGBA'))
    marker = new_message(
        'visualization_msgs/Marker', ns=part.name, type=TRIANGLE_LIST, action=part.action,
        header=make_header(markers.stamp_ns, markers.frame_id),
        points=[point(x=x, y=y, z=z) for x, y, z in part.points.tolist()],
        colors=[color(r=r, g=g, b=b, a=a) for r, g, b, a in part.colors.tolist()])
    marker.pose.orientation.w = 1.0
    marker.scale.x = marker.scale.y = marker.scale.z = 1.0
    marker.color.r = marker.color.g = marker.color.b = marker.color.a = 1.0
    return marker


def _sample() -> MeshMarkers:
    # Names of every length modulo 8 and an empty part exercise all alignments.
    return MeshMarkers(tuple(
        MeshPart('n' * length, np.full((length % 3 * 3, 3), 0.5),
                 np.full((length % 3 * 3, 4), 0.25, np.float32))
        for length in range(9)), 1_500_000_000, 'sample')
