"""Pictures of a map: what was measured, and what a network completes it to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.cloud_reading import cloud_xyz
from ssc_ros.viewer.drawing import FAINT_INK, Picture, Sheet, draw_legend
from ssc_ros.viewer.mesh import voxel_mesh
from ssc_ros.viewer.occlusion import corner_brightness
from ssc_ros.viewer.raycast import render_faces
from ssc_ros.viewer.viewpoint import Heading, overview

_PANEL_SIZE = (560, 640)  # height, width
_MARGIN = 20
_TOP = 108
# Seen from above: what is higher would hide the rooms.
CUT_HEIGHT_M = 1.9
_UNKNOWN = 255


class _MapVolume:
    """
    A cloud of voxels as arrays over the box around them.

    Attributes:
        grid: the box.
        is_shown, is_completed: bool in the grid's shape.
        labels: uint8, 255 = none.
        colors: uint8 RGB in the grid's shape.
    """

    def __init__(self, cloud: NDArray[Any], voxel_size_m: float, cut_z_m: float) -> None:
        points = cloud_xyz(cloud).astype(np.float64)
        is_kept = points[:, 2] < cut_z_m
        if not is_kept.any():
            raise DataError('the map has no voxel to draw: was the camera seen and posed?')
        points, cloud = points[is_kept], cloud[is_kept]
        low = points.min(axis=0)
        cells = np.rint((points - low) / voxel_size_m).astype(int)
        x, y, z = (cells.max(axis=0) + 1).tolist()
        origin = (low - voxel_size_m / 2).tolist()
        self.grid = VoxelGrid((origin[0], origin[1], origin[2]), voxel_size_m, (x, y, z))
        place = tuple(cells.T)
        self.is_shown = np.zeros((x, y, z), np.bool_)
        self.is_completed = np.zeros((x, y, z), np.bool_)
        self.labels = np.full((x, y, z), _UNKNOWN, np.uint8)
        self.colors = np.zeros((x, y, z, 3), np.uint8)
        self.is_shown[place] = True
        self.is_completed[place] = cloud['observed'] == 0
        self.labels[place] = cloud['label']
        packed = np.ascontiguousarray(cloud['rgb']).view(np.uint32)
        self.colors[place] = np.stack([packed >> 16, packed >> 8, packed], axis=1) & 255

    def draw(
        self, colors: NDArray[np.uint8], *, with_completed: bool, azimuth_deg: float,
    ) -> Picture:
        """Draw the voxels in (X, Y, Z, 3) colours, the completed ones striped."""
        is_shown = self.is_shown if with_completed else self.is_shown & ~self.is_completed
        heading = Heading(np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]))
        height, width = _PANEL_SIZE
        viewpoint = overview(self.grid, heading, self.is_shown, aspect=width / height,
                             azimuth_deg=azimuth_deg, elevation_deg=55.0)
        mesh = voxel_mesh(self.labels, self.grid, is_shown)
        x, y, z = mesh.cells.T
        return render_faces(
            mesh, colors[x, y, z], corner_brightness(mesh, is_shown), viewpoint, height=height,
            width=width, is_hatched=self.is_completed[x, y, z])


def map_picture(
    cloud: NDArray[Any], voxel_size_m: float, space: LabelSpace, *, title: str = '',
    floor_z_m: float = 0.0, azimuth_deg: float = 24.0,
) -> Picture:
    """
    Draw one sheet: measured voxels in their colours, all voxels, and their classes.

    Args:
        cloud: (N,) points of ~/voxels/points of mapping_node, sent with outputs.color surface.
        voxel_size_m: edge of its voxels.
        floor_z_m: height of the floor; what is more than 1.9 m above it is left out.
        azimuth_deg: direction of the view.

    Raises:
        ConfigurationError: embreex or Pillow is not installed.
        DataError: there is nothing to draw.
    """
    volume = _MapVolume(cloud, voxel_size_m, floor_z_m + CUT_HEIGHT_M)
    measured = int((~volume.is_completed & volume.is_shown).sum())
    completed = int(volume.is_completed.sum())
    panels = (
        ('measured', f'{measured} voxels of {voxel_size_m:g} m, colours as seen',
         volume.colors, False),
        ('measured and completed', f'{completed} more, striped, in the colours of the network',
         volume.colors, True),
        ('classes', 'of both, as the network labels them', space.colorize(volume.labels), True))
    width = len(panels) * (_PANEL_SIZE[1] + _MARGIN) + _MARGIN
    sheet = Sheet(_TOP + _PANEL_SIZE[0] + 76, width)
    sheet.text(title or 'map', _MARGIN, 20, size=25, is_bold=True)
    for index, (caption, note, colors, with_completed) in enumerate(panels):
        left = _MARGIN + index * (_PANEL_SIZE[1] + _MARGIN)
        sheet.text(caption, left, _TOP - 46, size=18, is_bold=True)
        sheet.text(note, left, _TOP - 23, size=14, color=FAINT_INK)
        sheet.paste(
            volume.draw(colors, with_completed=with_completed, azimuth_deg=azimuth_deg), left,
            _TOP)
    draw_legend(sheet, space, space.occupied_ids, _MARGIN, _TOP + _PANEL_SIZE[0] + 20,
                width=width - 2 * _MARGIN)
    return sheet.array()
