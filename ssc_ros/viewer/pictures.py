"""Pictures of a scene: camera view, labels, predicted voxels beside the ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.label_images import label_overlay
from ssc_ros.messages.voxels import occupied_mask
from ssc_ros.metrics import CompletionScores
from ssc_ros.viewer.drawing import (
    FAINT_INK,
    Picture,
    Sheet,
    draw_legend,
    fit,
    save_png,
)
from ssc_ros.viewer.mesh import voxel_mesh
from ssc_ros.viewer.occlusion import corner_brightness
from ssc_ros.viewer.raycast import render_faces
from ssc_ros.viewer.recorded_frame import RecordedFrame
from ssc_ros.viewer.scores import format_scores, scene_scores
from ssc_ros.viewer.viewpoint import Viewpoint, camera_heading, cut_away, overview

__all__ = ['save_png', 'scene_picture', 'voxel_picture']

Volume = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_SHEET_WIDTH = 1600
_PANEL_SIZE = (600, 572)  # height, width
_IMAGE_SIZE = (288, 384)
_MARGIN = 20
_PANEL_TOP = 108
_LEGEND_TOP = _PANEL_TOP + _PANEL_SIZE[0] + 20


@dataclass(frozen=True, slots=True, eq=False)
class _Panel:
    """One drawing of voxels: what is drawn, which of it is striped, and its two captions."""

    labels: Volume
    is_shown: Mask
    is_hatched: Mask | None
    caption: str
    note: str


def voxel_picture(
    labels: Volume, grid: VoxelGrid, space: LabelSpace, viewpoint: Viewpoint, *,
    is_shown: Mask, is_hatched: Mask | None = None, size: tuple[int, int] = _PANEL_SIZE,
) -> Picture:
    """
    Draw the shown voxels in their class colours.

    Args:
        labels, is_shown, is_hatched: arrays of the grid's shape; hatched voxels are drawn
            lighter, with stripes.
        size: (height, width) of the picture in pixels.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    mesh = voxel_mesh(labels, grid, is_shown)
    hatched = None if is_hatched is None else mesh.values_of(is_hatched).astype(np.bool_)
    return render_faces(
        mesh, space.colorize(mesh.labels), corner_brightness(mesh, is_shown), viewpoint,
        height=size[0], width=size[1], is_hatched=hatched)


def scene_picture(
    frame: RecordedFrame, *, title: str = '', mark_completed: bool = True,
    scores: CompletionScores | None = None,
) -> Picture:
    """
    Draw one sheet: camera view, label overlay, predicted voxels and, where known, the truth.

    Without ground truth the second drawing shows the observed voxels alone. Where the truth is
    known, the prediction is drawn in the space that the truth covers, as it is scored.

    Args:
        title: headline of the sheet.
        mark_completed: stripe the predicted voxels that no measured ray reached.
        scores: shown with the prediction; those of this frame when left out.

    Returns:
        (H, 1600, 3) uint8 RGB.

    Raises:
        ConfigurationError: embreex or Pillow is not installed.
    """
    estimate = frame.estimate
    sheet = Sheet(_LEGEND_TOP + 62, _SHEET_WIDTH)
    sheet.text(title or f'frame at {estimate.stamp_ns / 1e9:.3f} s', _MARGIN, 20, size=25,
               is_bold=True)
    _draw_images(sheet, frame)
    panels = _panels(frame, mark_completed, scores or scene_scores(frame))
    viewpoint = _shared_viewpoint(frame, panels)
    left = 2 * _MARGIN + _IMAGE_SIZE[1]
    for panel in panels:
        sheet.text(panel.caption, left, _PANEL_TOP - 46, size=18, is_bold=True)
        sheet.text(panel.note, left, _PANEL_TOP - 23, size=14, color=FAINT_INK)
        picture = voxel_picture(
            panel.labels, estimate.grid, estimate.label_space, viewpoint, is_shown=panel.is_shown,
            is_hatched=panel.is_hatched)
        sheet.paste(picture, left, _PANEL_TOP)
        left += _PANEL_SIZE[1] + _MARGIN
    draw_legend(sheet, estimate.label_space, estimate.label_space.occupied_ids, _MARGIN,
                _LEGEND_TOP, width=_SHEET_WIDTH - 2 * _MARGIN)
    return sheet.array()


def _panels(
    frame: RecordedFrame, mark_completed: bool, scores: CompletionScores | None,
) -> list[_Panel]:
    estimate, truth = frame.estimate, frame.ground_truth
    predicted = occupied_mask(estimate.labels, estimate.label_space)
    hatched = ~estimate.observed if mark_completed else None
    note = 'striped: completed, not observed' if mark_completed else ''
    if truth is None:
        seen = predicted & estimate.observed
        return [_Panel(estimate.labels, predicted, hatched, 'predicted', note),
                _Panel(estimate.labels, seen, None, 'predicted, observed voxels only',
                       f'{seen.sum()} of {predicted.sum()} occupied voxels')]
    caption = 'predicted'
    if scores is not None:
        caption += f'     {format_scores(scores)}'
    note = '; '.join(filter(None, (note, 'drawn where the truth is known')))
    is_known = truth < len(estimate.label_space)
    true_matter = occupied_mask(truth, estimate.label_space)
    return [_Panel(estimate.labels, predicted & is_known, hatched, caption, note),
            _Panel(truth, true_matter, None, 'ground truth',
                   f'{true_matter.sum()} occupied voxels; predicted: '
                   f'{(predicted & is_known).sum()}')]


def _shared_viewpoint(frame: RecordedFrame, panels: list[_Panel]) -> Viewpoint:
    """Cut the room open in every panel and choose the one view from which all are seen."""
    estimate = frame.estimate
    heading = camera_heading(estimate)
    aspect = _PANEL_SIZE[1] / _PANEL_SIZE[0]
    everything = np.logical_or.reduce([panel.is_shown for panel in panels])
    viewpoint = overview(estimate.grid, heading, everything, aspect=aspect)
    for panel in panels:
        panel.is_shown[...] &= ~cut_away(panel.labels, estimate.grid, estimate.label_space,
                                         heading, viewpoint.axes[2])
    remaining = np.logical_or.reduce([panel.is_shown for panel in panels])
    return overview(estimate.grid, heading, remaining, aspect=aspect)


def _draw_images(sheet: Sheet, frame: RecordedFrame) -> None:
    estimate, top = frame.estimate, _PANEL_TOP
    image = frame.image
    if image is None:
        image = np.full((*estimate.camera.size, 3), 225, np.uint8)
    sheet.text('camera', _MARGIN, top - 46, size=18, is_bold=True)
    sheet.text(f'{estimate.camera.width} x {estimate.camera.height}', _MARGIN, top - 23, size=14,
               color=FAINT_INK)
    sheet.paste(fit(image, *_IMAGE_SIZE), _MARGIN, top)
    if estimate.image_labels is not None:
        overlay = label_overlay(
            image, estimate.image_labels, estimate.label_space, opacity=0.6)
        sheet.paste(fit(overlay, *_IMAGE_SIZE), _MARGIN, top + _PANEL_SIZE[0] - _IMAGE_SIZE[0])
