"""One frame as a self-contained HTML file that opens without a server or a network."""

from __future__ import annotations

import base64
import html
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.labels import LabelSpace
from ssc_ros.viewer.browser_drawing import aim, draw
from ssc_ros.viewer.browser_scene import Choice
from ssc_ros.viewer.controls import describe, overlay_of
from ssc_ros.viewer.recorded_frame import RecordedFrame
from ssc_ros.viewer.recording import Recording
from ssc_ros.viewer.server import start_server, stop_server

_ANY_FREE_PORT = 0
_PANEL_STYLE = (
    'position:fixed;top:12px;right:12px;width:240px;max-height:94vh;overflow:auto;z-index:1000;'
    'background:rgba(255,255,255,.93);border:1px solid #ccc;border-radius:8px;padding:12px;'
    'font:13px system-ui,sans-serif;color:#262c38')


def export_html(recording: Recording, path: Path | str, frame: int = 0) -> Path:
    """
    Write one frame of a recording as an HTML file with the scene, its images and the legend.

    The scene can be turned and zoomed; the choices of the served page are not part of the file.

    Raises:
        ConfigurationError: viser is not installed.
        DataError: the frame is damaged.
    """
    recorded = recording.frame(frame)
    server = start_server(_ANY_FREE_PORT)
    try:
        aim(server, recorded)
        draw(server.scene, recorded, Choice())
        page = server.get_scene_serializer().as_html()
    finally:
        stop_server(server)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    body_end = page.rindex('</body>')
    target.write_text(page[:body_end] + _panel(recorded) + page[body_end:], encoding='utf-8')
    return target


def _panel(frame: RecordedFrame) -> str:
    space = frame.estimate.label_space
    pictures = [overlay_of(frame)] if frame.image is None else [
        frame.image, overlay_of(frame)]
    parts = [f'<div style="margin-bottom:8px">{html.escape(describe(frame)).replace("**", "")}'
             '</div>', *(_image(picture) for picture in pictures), _legend(space),
             '<div style="margin-top:8px;color:#707886">striped: completed, '
             'not observed</div>']
    return f'<div style="{_PANEL_STYLE}">{"".join(parts)}</div>'


def _image(picture: NDArray[np.uint8]) -> str:
    _, data = cv2.imencode('.jpg', cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    text = base64.b64encode(data.tobytes()).decode('ascii')
    return (f'<img src="data:image/jpeg;base64,{text}" '
            'style="width:100%;border-radius:4px;margin-bottom:6px">')


def _legend(space: LabelSpace) -> str:
    rows = []
    for index in space.occupied_ids:
        red, green, blue = (int(value) for value in space.colors[index])
        rows.append(
            f'<div><span style="display:inline-block;width:12px;height:12px;border-radius:3px;'
            f'margin-right:7px;vertical-align:-1px;background:rgb({red},{green},{blue})"></span>'
            f'{html.escape(space.names[index])}</div>')
    return f'<div style="columns:2">{"".join(rows)}</div>'
