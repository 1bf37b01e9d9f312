"""The page in a real browser: headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import base64
import io
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssc_ros.viewer import Recording

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which(
    'google-chrome')

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason='needs Chromium (apt-get install chromium)'),
    # viser 1.1 leaves a socket of its event loop to the garbage collector.
    pytest.mark.filterwarnings('ignore::ResourceWarning'),
]

FLAGS = (
    '--headless', '--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--hide-scrollbars', '--window-size=1200,800', '--remote-debugging-port=0')
TIMEOUT_S = 90.0
# The 3D view: left of the panel and right of the notice about software rendering.
SCENE = np.s_[50:750, 280:820]


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None
        self._process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f'--user-data-dir={folder}', 'about:blank'],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._ids = itertools.count(1)
        self.requests: list[str] = []
        self._socket = self._connect(folder / 'DevToolsActivePort')
        for domain in ('Page', 'Network', 'Runtime'):
            self._call(f'{domain}.enable')

    def _connect(self, port_file: Path) -> Any:
        from urllib.request import urlopen

        from websockets.sync.client import connect

        wait_for(lambda: port_file.is_file() and port_file.read_text().strip())
        port = port_file.read_text().split()[0]
        with urlopen(f'http://127.0.0.1:{port}/json', timeout=TIMEOUT_S) as response:
            pages = [page for page in json.load(response) if page['type'] == 'page']
        return connect(pages[0]['webSocketDebuggerUrl'], max_size=None)

    def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self._ids)
        self._socket.send(json.dumps({'id': number, 'method': method, 'params': parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=TIMEOUT_S))
            if message.get('method') == 'Network.requestWillBeSent':
                self.requests.append(message['params']['request']['url'])
            if message.get('id') == number:
                return message.get('result', {})

    def open(self, url: str) -> None:
        self._call('Page.navigate', url=url)
        # Between two sites the page belongs to no process for a moment.
        wait_for(lambda: self.evaluate('document.readyState') == 'complete')

    def evaluate(self, expression: str) -> Any:
        return self._call('Runtime.evaluate', expression=expression).get(
            'result', {}).get('value')

    def screenshot(self) -> np.ndarray:
        from PIL import Image

        data = self._call('Page.captureScreenshot', format='png')['data']
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert('RGB'))

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(TIMEOUT_S)


def wait_for(value: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + TIMEOUT_S
    while not (result := value()):
        assert time.monotonic() < deadline, f'nothing within {TIMEOUT_S} s'
        time.sleep(0.3)
    return result


def shows(browser: Browser, color: tuple[int, int, int]) -> float:
    """Return the share of the 3D view in the hue of a class colour."""
    pixels = browser.screenshot()[SCENE].reshape(-1, 3).astype(float)
    norms = np.linalg.norm(pixels, axis=1) * np.linalg.norm(color)
    return float((pixels @ np.array(color, float) / np.maximum(norms, 1e-9) > 0.99).mean())


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    pytest.importorskip('websockets')
    browser = Browser(tmp_path / 'profile')
    yield browser
    browser.close()


@pytest.fixture
def floor(recording: Recording) -> tuple[int, int, int]:
    red, green, blue = recording.label_space.colors[2].tolist()
    return red, green, blue


def foreign(requests: list[str]) -> list[str]:
    return [url for url in requests
            if not url.startswith(('data:', 'blob:', 'file:', 'http://127.0.0.1', 'about:'))]


def test_the_html_file_draws_the_room_without_a_network(browser, recording, tmp_path, floor):
    from ssc_ros.viewer.html_page import export_html

    browser.open(export_html(recording, tmp_path / 'scene.html').as_uri())
    wait_for(lambda: shows(browser, floor) > 0.05)
    assert foreign(browser.requests) == []
    assert 'bed' in browser.evaluate('document.body.innerText')


def test_the_page_draws_the_room_and_its_check_boxes_switch_classes(browser, recording, floor):
    from ssc_ros.viewer.server import RecordingView

    view = RecordingView(recording, port=0)
    try:
        browser.open(view.url)
        wait_for(lambda: shows(browser, floor) > 0.05)
        view.controls.classes[2].value = False
        wait_for(lambda: shows(browser, floor) < 0.001)
        browser.evaluate("[...document.querySelectorAll('label')]"
                         ".find(label => label.textContent.trim() === 'floor').click()")
        wait_for(lambda: view.controls.classes[2].value)
        wait_for(lambda: shows(browser, floor) > 0.05)
        assert foreign(browser.requests) == []
    finally:
        view.stop()
