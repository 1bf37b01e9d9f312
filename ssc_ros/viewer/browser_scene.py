"""What the browser shows of a frame: voxel mesh, point cloud and poses as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.projection import unproject_depth
from ssc_ros.geometry.transforms import inverse_rigid, transform_points
from ssc_ros.geometry.voxel_faces import FACE_NORMALS
from ssc_ros.labels import IGNORE_ID
from ssc_ros.messages.voxels import occupied_mask
from ssc_ros.viewer.glb import encode_glb
from ssc_ros.viewer.mesh import voxel_mesh
from ssc_ros.viewer.occlusion import corner_brightness
from ssc_ros.viewer.recorded_frame import RecordedFrame
from ssc_ros.viewer.viewpoint import Heading, Viewpoint, camera_heading, cut_away, overview

# Width / height of the part of the page beside the panel, a little narrower than it mostly is.
PAGE_ASPECT = 1.15
Source = Literal['prediction', 'ground truth', 'none']
# Brightness of a face, and what is added as it turns up, right and forward: neighbouring faces
# differ, so that the edges between them show.
_FACE_LIGHT, _LIGHT_SLOPES = 0.85, (0.15, 0.04, -0.05)
_COMPLETED_WHITE = 0.5
_CLOUD_STRIDE = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """
    What a person chose to see.

    Attributes:
        source: which voxels.
        hidden_classes: label ids left out.
        show_observed, show_completed: the two kinds of predicted voxels.
        mark_completed: draw completed voxels lighter and striped.
        only_known: draw the prediction only where the ground truth, if there is one, is known.
        is_cut_open: leave out the ceiling and the walls before the room.
        show_cloud, show_camera: the labelled depth image as points; where the camera was.
    """

    source: Source = 'prediction'
    hidden_classes: frozenset[int] = frozenset()
    show_observed: bool = True
    show_completed: bool = True
    mark_completed: bool = True
    only_known: bool = True
    is_cut_open: bool = True
    show_cloud: bool = False
    show_camera: bool = True


def initial_view(frame: RecordedFrame) -> Viewpoint:
    """Return the view from which a page opens: the whole box from over the camera's shoulder."""
    estimate = frame.estimate
    matter = occupied_mask(estimate.labels, estimate.label_space)
    return overview(estimate.grid, camera_heading(estimate), matter, aspect=PAGE_ASPECT,
                    field_of_view_deg=46.0)


def shown_voxels(frame: RecordedFrame, choice: Choice) -> NDArray[np.bool_]:
    """Return which voxels of the chosen source are drawn, as an array of the grid's shape."""
    estimate, space = frame.estimate, frame.estimate.label_space
    labels = _source_labels(frame, choice)
    if labels is None:
        return np.zeros(estimate.grid.shape, np.bool_)
    shown = occupied_mask(labels, space)
    shown &= ~np.isin(labels, sorted(choice.hidden_classes))
    if choice.source == 'prediction':
        shown &= np.where(estimate.observed, choice.show_observed, choice.show_completed)
        if choice.only_known and frame.ground_truth is not None:
            shown &= frame.ground_truth != IGNORE_ID
    if choice.is_cut_open:
        forward = initial_view(frame).axes[2]
        shown &= ~cut_away(labels, estimate.grid, space, camera_heading(estimate), forward)
    return shown


def voxel_glb(frame: RecordedFrame, choice: Choice) -> bytes | None:
    """Return the chosen voxels as a GLB file in the grid's frame, None when there are none."""
    labels, shown = _source_labels(frame, choice), shown_voxels(frame, choice)
    if labels is None or not shown.any():
        return None
    estimate = frame.estimate
    mesh = voxel_mesh(labels, estimate.grid, shown)
    is_striped = np.zeros(len(mesh), np.bool_)
    if choice.source == 'prediction' and choice.mark_completed:
        is_striped = ~mesh.values_of(estimate.observed).astype(np.bool_)
    colors = estimate.label_space.colorize(mesh.labels).astype(np.float32) / 255
    colors[is_striped] += (1 - colors[is_striped]) * np.float32(_COMPLETED_WHITE)
    light = corner_brightness(mesh, shown) * _face_light(camera_heading(estimate))[mesh.directions]
    return encode_glb(mesh, colors[:, None] * light[..., None], is_striped)


def semantic_cloud(
    frame: RecordedFrame,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
    """Return (N, 3) points in the grid's frame and their (N, 3) class colours, where known."""
    estimate = frame.estimate
    if estimate.depth_m is None or estimate.image_labels is None:
        return None
    step = (slice(None, None, _CLOUD_STRIDE),) * 2
    points = unproject_depth(estimate.depth_m, estimate.camera)[step].reshape(-1, 3)
    colors = estimate.label_space.colorize(estimate.image_labels[step]).reshape(-1, 3)
    is_valid = np.isfinite(points[:, 2])
    points_grid = transform_points(inverse_rigid(estimate.T_camera_voxel), points[is_valid])
    return points_grid.astype(np.float32), colors[is_valid]


def _face_light(heading: Heading) -> NDArray[np.float32]:
    """Return (6, 1) brightness of the face directions."""
    sides = np.stack([heading.up, heading.right, heading.forward])
    light: NDArray[np.float32] = (
        _FACE_LIGHT + FACE_NORMALS @ sides.T @ np.array([_LIGHT_SLOPES]).T).astype(np.float32)
    return light


def _source_labels(frame: RecordedFrame, choice: Choice) -> NDArray[np.uint8] | None:
    if choice.source == 'prediction':
        return frame.estimate.labels
    return frame.ground_truth if choice.source == 'ground truth' else None
