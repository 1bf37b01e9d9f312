"""What viewers are shown of voxels and meshes: cubes or merged faces, one marker per class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.voxel_faces import FACE_TRIANGLES, exposed_faces, merge_faces, to_xyz
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.markers import CUBE_LIST, TRIANGLE_LIST, MarkerPart
from ssc_ros.messages.voxels import cell_centers

_WHITE = (1.0, 1.0, 1.0, 1.0)


def cube_parts(
    labels: NDArray[np.uint8], grid: VoxelGrid, label_space: LabelSpace,
    is_shown: NDArray[np.bool_], *, edge_ratio: float = 0.95,
) -> tuple[MarkerPart, ...]:
    """
    Return a list of cubes per class, in the grid's frame.

    Args:
        labels, is_shown: (X, Y, Z) in the array order of ``grid``; what is shown is occupied.
        edge_ratio: edge of the cubes relative to the voxels; below 1 the cubes stay distinct.
    """
    cells = np.flatnonzero(is_shown)
    return _by_class(
        labels.reshape(-1)[cells], cell_centers(cells, grid), label_space, kind=CUBE_LIST,
        scale=grid.voxel_size_m * edge_ratio)


def mesh_parts(
    labels: NDArray[np.uint8], grid: VoxelGrid, label_space: LabelSpace,
    is_shown: NDArray[np.bool_], *, prefix: str = '', first_id: int = 0, alpha: float = 1.0,
) -> tuple[MarkerPart, ...]:
    """
    Return the exposed faces of voxels as a list of triangles per class, in the grid's frame.

    Faces of one class in one plane are merged, which leaves a few percent of a room's triangles.

    Args:
        labels, is_shown: as of ``cube_parts``; faces between two shown voxels are left out.
        prefix, first_id: of the namespaces and ids of the markers.
        alpha: opacity; RViz draws translucent triangles without hiding what is behind them.
    """
    cells, directions = exposed_faces(to_xyz(is_shown, grid))
    x, y, z = cells.T
    faces = merge_faces(cells, directions, to_xyz(labels, grid)[x, y, z])
    triangles = faces.corners[:, FACE_TRIANGLES].reshape(-1, 6, 3)
    points: NDArray[np.float64] = np.asarray(grid.origin_m) + grid.voxel_size_m * triangles
    return _by_class(
        faces.values, points, label_space, kind=TRIANGLE_LIST,
        scale=1.0, prefix=prefix, first_id=first_id, alpha=alpha)


def _by_class(
    labels: NDArray[np.uint8], points: NDArray[np.float64], label_space: LabelSpace, *,
    kind: int, scale: float, prefix: str = '', first_id: int = 0, alpha: float = 1.0,
) -> tuple[MarkerPart, ...]:
    """Sort (N, ...) points by the label of each row; classes without any are to be removed."""
    sorted_points = points[np.argsort(labels, kind='stable')]
    ends = np.cumsum(np.bincount(labels, minlength=256))
    parts = []
    for label in label_space.occupied_ids:
        red, green, blue = (float(channel) / 255 for channel in label_space.colors[label])
        chosen = sorted_points[ends[label - 1] if label else 0:ends[label]]
        parts.append(MarkerPart(
            prefix + label_space.names[label], first_id + label, kind, scale,
            (red, green, blue, alpha), chosen.reshape(-1, 3)))
    return tuple(parts)


def colored_part(
    name: str, vertices: NDArray[np.float32], faces: NDArray[np.int32], rgb: NDArray[Any],
) -> MarkerPart:
    """
    Return the triangles of a mesh.

    Args:
        vertices: (V, 3) metres.
        faces: (T, 3) indices of vertices.
        rgb: (V, 3) uint8 colours of the vertices.
    """
    corners = faces.reshape(-1)
    colors = np.ones((len(corners), 4), np.float32)
    colors[:, :3] = rgb[corners] / np.float32(255)
    return MarkerPart(
        name, 0, TRIANGLE_LIST, 1.0, _WHITE, vertices[corners].astype(np.float64), colors)
