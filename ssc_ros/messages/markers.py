"""
Cubes and triangles as a visualization_msgs/MarkerArray, one marker per class or part.

Building 20,000 geometry_msgs/Point objects costs a tenth of a second, so the array is written
straight to CDR bytes, which ``Publisher.publish`` takes as they are. build_marker_array() makes
the same message of objects: it is the reference, and the way out where the middleware does not
speak plain CDR.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.transforms import rotation_to_quaternion
from ssc_ros.messages.cdr import CdrEncoding, CdrWriter
from ssc_ros.messages.classes import message_class, new_message
from ssc_ros.messages.headers import make_header

# Constants of visualization_msgs/Marker.
CUBE_LIST, TRIANGLE_LIST = 6, 11
ADD, DELETE = 0, 2

Rgba = tuple[float, float, float, float]


def _no_colors() -> NDArray[np.float32]:
    return np.empty((0, 4), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class MarkerPart:
    """
    Cubes or triangles that viewers show and hide together.

    Attributes:
        name: namespace of the marker (a check-box in RViz).
        marker_id: unique within the namespace.
        kind: CUBE_LIST or TRIANGLE_LIST.
        scale: edge of the cubes in metres; 1 for triangles.
        color: red, green, blue, alpha from 0 to 1. RViz lights triangles that have but this one.
        points: (N, 3) float64 metres: centres of cubes, or corners, three to a triangle,
            counter-clockwise seen from outside; none = remove the marker.
        corner_colors: (N, 4) float32 as ``color`` for each point, or none.
    """

    name: str
    marker_id: int
    kind: int
    scale: float
    color: Rgba
    points: NDArray[np.float64]
    corner_colors: NDArray[np.float32] = field(default_factory=_no_colors)

    @property
    def action(self) -> int:
        """What viewers do with it."""
        # An ADD without points leaves the old shapes on the screen of some viewers.
        return ADD if len(self.points) else DELETE


@dataclass(frozen=True, slots=True, eq=False)
class Markers:
    """
    A marker array before it becomes a message.

    Attributes:
        T_frame_points: (4, 4) transform of the points into ``frame_id``.
    """

    parts: tuple[MarkerPart, ...]
    stamp_ns: int
    frame_id: str
    T_frame_points: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))

    @property
    def pose(self) -> tuple[float, ...]:
        """Position x, y, z and quaternion x, y, z, w of the points' frame in ``frame_id``."""
        position = self.T_frame_points[:3, 3].tolist()
        return *position, *rotation_to_quaternion(self.T_frame_points[:3, :3])


def build_marker_array(markers: Markers) -> Any:
    """Return the visualization_msgs/MarkerArray as an object: slow, one Point per point."""
    pose = markers.pose
    return new_message('visualization_msgs/MarkerArray', markers=[
        _build_marker(markers, part, pose) for part in markers.parts])


def _build_marker(markers: Markers, part: MarkerPart, pose: tuple[float, ...]) -> Any:
    point, color = (message_class(name) for name in ('geometry_msgs/Point', 'std_msgs/ColorRGBA'))
    # Without field checks rclpy serialises an int in a float field as garbage.
    red, green, blue, alpha = (float(channel) for channel in part.color)
    marker = new_message(
        'visualization_msgs/Marker', ns=part.name, id=part.marker_id, type=part.kind,
        action=part.action, header=make_header(markers.stamp_ns, markers.frame_id),
        color=color(r=red, g=green, b=blue, a=alpha),
        points=[point(x=x, y=y, z=z) for x, y, z in part.points.tolist()],
        colors=[color(r=r, g=g, b=b, a=a) for r, g, b, a in part.corner_colors.tolist()])
    position, orientation = marker.pose.position, marker.pose.orientation
    position.x, position.y, position.z = pose[:3]
    orientation.x, orientation.y, orientation.z, orientation.w = pose[3:]
    marker.scale.x = marker.scale.y = marker.scale.z = float(part.scale)
    return marker


def _write(markers: Markers) -> CdrWriter:
    """Write the fields of visualization_msgs/Marker in the order of its definition."""
    writer, pose = CdrWriter(), markers.pose
    writer.numbers('I', len(markers.parts))
    for part in markers.parts:
        writer.header(markers.stamp_ns, markers.frame_id)
        writer.string(part.name)
        writer.numbers('i', part.marker_id, part.kind, part.action)
        writer.numbers('d', *pose, *[part.scale] * 3)
        writer.numbers('f', *part.color)
        writer.time(0)  # lifetime: until replaced
        writer.numbers('?', False)  # frame_locked
        writer.doubles(part.points)
        writer.floats(part.corner_colors)
        writer.append(_LAST_FIELDS)
    return writer


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


_LAST_FIELDS = _last_fields()


def _sample() -> Markers:
    # Names of every length modulo 8 and empty lists exercise all alignments.
    return Markers(tuple(
        MarkerPart('n' * length, length, TRIANGLE_LIST, 0.1, (0.1, 0.2, 0.3, 1.0),
                   np.full((length % 3 * 3, 3), 0.5),
                   np.full((length % 2 * length % 3 * 3, 4), 0.25, np.float32))
        for length in range(9)), 1_500_000_000, 'sample')


MARKER_ARRAY = CdrEncoding(_write, build_marker_array, lambda: (_sample(),))
