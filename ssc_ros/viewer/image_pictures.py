"""Pictures of a labelled image: camera view, labels, depth and, where known, the truth."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.frames import ImageEstimate, RgbFrame
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.label_images import label_overlay
from ssc_ros.viewer.drawing import FAINT_INK, Picture, Sheet, draw_legend, fit

_PANEL_SIZE = (390, 520)  # height, width
_MARGIN = 20
_CAPTION_PX = 56
_TITLE_PX = 56
_LEGEND_PX = 100
_OPACITY = 0.7
_LEGEND_ENTRIES = 24


def image_picture(
    frame: RgbFrame, estimate: ImageEstimate, *, title: str = '',
    truth: NDArray[np.uint8] | None = None, note: str = '',
) -> Picture:
    """
    Draw one sheet: camera view, labels, depth and, where known, the truth.

    Args:
        truth: (H, W) ids of the label space of the estimate, 255 = unknown.
        note: written below the caption of the labels, e.g. scores.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ConfigurationError: Pillow is not installed.
    """
    space = estimate.label_space
    panels = [
        ('camera', f'{frame.camera.width} x {frame.camera.height}', frame.rgb),
        ('labels', note, label_overlay(
            frame.rgb, estimate.image_labels, space, opacity=_OPACITY))]
    if estimate.depth_m is not None:
        depth_note, picture = depth_picture(estimate.depth_m)
        panels.append(('estimated depth', depth_note, picture))
    if truth is not None:
        panels.append(('ground truth', f'classes of {space.name}', label_overlay(
            frame.rgb, truth, space, opacity=_OPACITY)))
    height, width = _PANEL_SIZE
    legend_top = _TITLE_PX + 2 * (height + _CAPTION_PX) + _MARGIN
    sheet = Sheet(legend_top + _LEGEND_PX, 2 * width + 3 * _MARGIN)
    sheet.text(title or f'frame at {estimate.stamp_ns / 1e9:.3f} s', _MARGIN, 16, size=25,
               is_bold=True)
    for index, (caption, words, picture) in enumerate(panels):
        left = _MARGIN + (index % 2) * (width + _MARGIN)
        top = _TITLE_PX + (index // 2) * (height + _CAPTION_PX)
        sheet.text(caption, left, top + 4, size=18, is_bold=True)
        sheet.text(words, left, top + 27, size=14, color=FAINT_INK)
        sheet.paste(fit(picture, height, width), left, top + _CAPTION_PX - 4)
    shown = [estimate.image_labels, *([] if truth is None else [truth])]
    draw_legend(sheet, space, _present(shown, space), _MARGIN, legend_top,
                width=2 * width + _MARGIN)
    return sheet.array()


def depth_picture(depth_m: NDArray[np.float32]) -> tuple[str, Picture]:
    """Return the range in words and (H, W, 3) uint8 RGB: bright = near, grey = missing."""
    is_known = depth_m > 0
    if not is_known.any():
        return 'no depth', np.full((*depth_m.shape, 3), 128, np.uint8)
    near, far = np.percentile(depth_m[is_known], [1, 99])
    nearness = np.clip((far - depth_m) / max(far - near, 1e-6), 0, 1)
    bgr = cv2.applyColorMap(np.rint(nearness * 255).astype(np.uint8), cv2.COLORMAP_VIRIDIS)
    picture = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    picture[~is_known] = 128
    return f'{near:.1f} m (bright) to {far:.1f} m', picture


def _present(images: list[NDArray[np.uint8]], space: LabelSpace) -> list[int]:
    """Return the ids that occur, the most frequent ones where they are many."""
    pixels = np.concatenate([labels.ravel() for labels in images])
    counts = np.bincount(pixels, minlength=256)[:len(space)]
    order = np.argsort(-counts, kind='stable')[:_LEGEND_ENTRIES]
    return sorted(int(index) for index in order if counts[index])
