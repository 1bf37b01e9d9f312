from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ssc_ros.errors import DataError
from ssc_ros.viewer import Recording

pytest.importorskip('viser')

from ssc_ros.viewer import html_page
from ssc_ros.viewer.server import LiveView, RecordingView

# viser 1.1 leaves a socket of its event loop to the garbage collector.
pytestmark = pytest.mark.filterwarnings('ignore::ResourceWarning')


ANY_FREE_PORT = 0


@pytest.fixture
def view(recording: Recording) -> Iterator[RecordingView]:
    """Return a running page of three frames."""
    view = RecordingView(recording, port=ANY_FREE_PORT)
    yield view
    view.stop()


def listening_addresses() -> set[str]:
    # Columns: sl local_address rem_address st; 0A = LISTEN, addresses in little-endian hex.
    return {line.split()[1] for name in ('/proc/net/tcp', '/proc/net/tcp6')
            for line in Path(name).read_text().splitlines()[1:] if line.split()[3] == '0A'}


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_true():
        assert time.monotonic() < deadline, 'nothing changed within 10 s'
        time.sleep(0.01)


def test_the_page_answers_on_the_loopback_interface(view):
    assert view.url.startswith('http://127.0.0.1:')
    with urllib.request.urlopen(view.url, timeout=10) as response:
        assert b'<html' in response.read()[:2000].lower()


def test_no_other_interface_listens(view):
    port = int(view.url.rsplit(':', 1)[1])
    assert [address for address in listening_addresses() if address.endswith(f':{port:04X}')] == [
        f'0100007F:{port:04X}']


def test_a_taken_port_is_replaced_by_the_next_free_one(view, recording):
    port = int(view.url.rsplit(':', 1)[1])
    second = RecordingView(recording, port=port)
    try:
        assert int(second.url.rsplit(':', 1)[1]) > port
    finally:
        second.stop()


def test_seeking_shows_another_frame(view):
    view.seek(2)
    assert '3.000 s' in view.controls.caption.content
    assert view.server.scene.get_handle_by_name('/voxels') is not None


def test_a_dragged_slider_ends_where_it_was_left(view):
    for index in (1, 2, 0, 2, 1):
        view.slider.value = index
    wait_until(lambda: '2.000 s' in view.controls.caption.content)
    view.seek(2)
    assert view.slider.value == 2


def test_a_damaged_frame_leaves_the_page_as_it_was(view, recording, caplog):
    recording.paths()[1].write_bytes(b'')
    view.seek(1)
    assert '1.000 s' in view.controls.caption.content
    assert 'damaged' in caplog.text


def test_switching_off_takes_the_nodes_away(view):
    view.controls.source.value = 'none'
    view.controls.camera.value = False
    wait_until(lambda: view.server.scene.get_handle_by_name('/camera') is None)
    assert view.server.scene.get_handle_by_name('/voxels') is None
    assert view.server.scene.get_handle_by_name('/camera') is None


def test_an_empty_recording_is_refused(recording):
    for path in recording.paths():
        path.unlink()
    with pytest.raises(DataError, match='holds no frame'):
        RecordingView(recording, port=ANY_FREE_PORT)


def test_a_live_page_shows_the_newest_frame(recording):
    view = LiveView(recording.label_space, port=ANY_FREE_PORT)
    try:
        for frame in recording.frames():
            view.update(frame)
        wait_until(lambda: '3.000 s' in view.controls.caption.content)
    finally:
        view.stop()
    assert not view.is_running


def test_a_live_page_survives_a_frame_that_it_cannot_show(recording, monkeypatch, caplog):
    view = LiveView(recording.label_space, port=ANY_FREE_PORT)
    show = view.show
    try:
        def fail(_: object) -> None:
            raise DataError('made up')

        monkeypatch.setattr(view, 'show', fail)
        view.update(recording.frame(0))
        wait_until(lambda: 'made up' in caplog.text)
        monkeypatch.setattr(view, 'show', show)
        view.update(recording.frame(1))
        wait_until(lambda: '2.000 s' in view.controls.caption.content)
    finally:
        view.stop()


def test_the_html_file_asks_nothing_from_elsewhere_and_holds_images_and_legend(
        recording, tmp_path):
    path = html_page.export_html(recording, tmp_path / 'out' / 'scene.html', frame=1)
    page = path.read_text(encoding='utf-8')
    # Whatever a browser would fetch while it opens the file; links that wait for a click are fine.
    fetched = re.findall(
        r'<(?:script|link|img|iframe|source)[^>]*?(?:src|href)=["\']?([^"\'> ]+)', page)
    assert [address for address in fetched if not address.startswith('data:')] == []
    assert '2.000 s' in page
    assert page.count('src="data:image/jpeg;base64,') == 2
    assert all(f'{name}</div>' in page for name in recording.label_space.names[1:])
    assert path.stat().st_size < 3_000_000


def test_writing_html_leaves_no_port_open(recording, tmp_path, monkeypatch):
    ports = []
    stop = html_page.stop_server

    def remember(server: Any) -> None:
        ports.append(server.get_port())
        stop(server)

    monkeypatch.setattr(html_page, 'stop_server', remember)
    html_page.export_html(recording, tmp_path / 'scene.html')
    assert [address for address in listening_addresses()
            if address.endswith(f':{ports[0]:04X}')] == []
