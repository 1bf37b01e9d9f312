"""The side panel of the browser page: what is shown, the classes, the images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from ssc_ros.labels import LabelSpace
from ssc_ros.messages.label_images import label_overlay
from ssc_ros.viewer.browser_scene import Choice, Source
from ssc_ros.viewer.recorded_frame import RecordedFrame
from ssc_ros.viewer.scores import format_scores, scene_scores

# Drawn over the free right part of the check box line that follows.
_SWATCH = (
    '<div style="position:relative;height:0"><div style="position:absolute;z-index:1;right:14px;'
    'top:3px;width:44%;height:14px;border-radius:4px;background:rgb({},{},{})"></div></div>')
_NO_IMAGE = np.full((48, 64, 3), 230, np.uint8)


class Controls:
    """
    Check boxes, a class legend that switches classes, and the images of the shown frame.

    Attributes:
        classes: the check box of each label id.
    """

    def __init__(self, gui: Any, space: LabelSpace, on_change: Callable[[], None]) -> None:
        self.caption = gui.add_markdown('')
        with gui.add_folder('Voxels'):
            self.source = gui.add_dropdown('voxels', ('prediction', 'ground truth', 'none'))
            self.observed = gui.add_checkbox('observed', True)
            self.completed = gui.add_checkbox('completed', True)
            self.mark = gui.add_checkbox('stripe completed', True)
            self.known = gui.add_checkbox(
                'where truth known', True, hint='leave out what cannot be scored')
            self.cut = gui.add_checkbox('cut room open', True)
        with gui.add_folder('Camera'):
            self.cloud = gui.add_checkbox('semantic cloud', False)
            self.camera = gui.add_checkbox('camera pose', True)
            self._image = gui.add_image(_NO_IMAGE, label='image', format='jpeg')
            self._labels = gui.add_image(_NO_IMAGE, label='labels', format='jpeg')
        with gui.add_folder('Classes'):
            self.classes = {}
            for index in space.occupied_ids:
                gui.add_html(_SWATCH.format(*space.colors[index]))
                self.classes[index] = gui.add_checkbox(space.names[index], True)
        for handle in (self.source, self.observed, self.completed, self.mark, self.known,
                       self.cut, self.cloud, self.camera, *self.classes.values()):
            handle.on_update(lambda _: on_change())

    def choice(self) -> Choice:
        """Return what is ticked now."""
        hidden = frozenset(index for index, box in self.classes.items() if not box.value)
        return Choice(
            source=cast('Source', self.source.value), hidden_classes=hidden,
            show_observed=self.observed.value, show_completed=self.completed.value,
            mark_completed=self.mark.value, only_known=self.known.value,
            is_cut_open=self.cut.value,
            show_cloud=self.cloud.value, show_camera=self.camera.value)

    def show_frame(self, frame: RecordedFrame) -> None:
        """Put a frame's description, image and label overlay into the panel."""
        self.caption.content = describe(frame)
        self._image.image = _NO_IMAGE if frame.image is None else frame.image
        self._labels.image = overlay_of(frame)


def describe(frame: RecordedFrame) -> str:
    """Return stamp, duration and, with ground truth, scores of a frame as Markdown."""
    estimate = frame.estimate
    parts = [f'**{estimate.stamp_ns / 1e9:.3f} s**']
    if estimate.stage_ms:
        parts.append(f'{sum(estimate.stage_ms.values()):.0f} ms')
    scores = scene_scores(frame)
    if scores is not None:
        parts.append(format_scores(scores))
    return ' | '.join(parts)


def overlay_of(frame: RecordedFrame) -> Any:
    """Return the (H, W, 3) camera image tinted by its labels; plain grey where there are none."""
    estimate = frame.estimate
    if estimate.image_labels is None:
        return _NO_IMAGE
    image = frame.image
    if image is None or image.shape[:2] != estimate.image_labels.shape:
        image = np.full((*estimate.image_labels.shape, 3), 200, np.uint8)
    return label_overlay(image, estimate.image_labels, estimate.label_space, opacity=0.6)
