"""The browser page: a recording with a time slider, or a live node, served on this machine."""

from __future__ import annotations

import logging
import threading
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from ssc_ros.errors import ConfigurationError, DataError, SscError
from ssc_ros.labels import LabelSpace
from ssc_ros.viewer.browser_drawing import aim, draw
from ssc_ros.viewer.command import DEFAULT_PORT
from ssc_ros.viewer.controls import Controls
from ssc_ros.viewer.gate import LOOPBACK, Access, TokenGate
from ssc_ros.viewer.recorded_frame import RecordedFrame
from ssc_ros.viewer.recording import Recording

LOCAL = Access()
_logger = logging.getLogger(__name__)


def start_server(port: int) -> Any:
    """
    Start viser on the loopback interface; the next free port is taken when this one is busy.

    Raises:
        ConfigurationError: viser is not installed.
    """
    try:
        import viser
    except ImportError as error:
        raise ConfigurationError('the browser view needs the package viser, which is not '
                                 'installed: pip install "ssc_ros[viewer]"') from error
    # viser itself would listen on every interface, and announces itself on the terminal.
    with redirect_stdout(StringIO()):
        return viser.ViserServer(host=LOOPBACK, port=port, label='ssc_ros', verbose=False)


def stop_server(server: Any) -> None:
    """Close the page and its port."""
    with redirect_stdout(StringIO()):
        server.stop()


class SceneView:
    """
    A browser page that shows one frame at a time.

    The page asks nothing from the network and lives until ``stop``. It listens on the loopback
    interface; a gate that asks for a token stands before it where ``access`` opens it wider.
    Scene coordinates are those of the voxel grid.

    Attributes:
        frame: what is shown.
        controls: what is ticked.
    """

    def __init__(
        self, space: LabelSpace, *, port: int = DEFAULT_PORT, access: Access = LOCAL,
    ) -> None:
        self._access = access
        self.server = start_server(port if access.is_local else 0)
        self._gate = self._open_gate(port)
        # The share button would publish the page through a server elsewhere.
        self.server.gui.configure_theme(show_logo=False, show_share_button=False)
        self.server.gui.main_panel.dock_right()
        self._lock = threading.RLock()
        self.frame: RecordedFrame | None = None
        self.controls = Controls(self.server.gui, space, self._redraw)

    @property
    def url(self) -> str:
        """Where the page is; the token is not told."""
        if self._gate is None:
            return f'http://{LOOPBACK}:{self.server.get_port()}'
        return f'http://{self._access.host}:{self._gate.port}/?token=...'

    def _open_gate(self, port: int) -> TokenGate | None:
        if self._access.is_local:
            return None
        try:
            return TokenGate(self._access, port, self.server.get_port())
        except ConfigurationError:
            stop_server(self.server)
            raise

    def show(self, frame: RecordedFrame) -> None:
        """Show another frame; callable from any thread."""
        with self._lock:
            if self.frame is None:
                aim(self.server, frame)
            self.frame = frame
            self.controls.show_frame(frame)
            self._redraw()

    def stop(self) -> None:
        """Close the page and its port."""
        if self._gate is not None:
            self._gate.stop()
        stop_server(self.server)

    def _redraw(self) -> None:
        with self._lock, self.server.atomic():
            if self.frame is not None:
                draw(self.server.scene, self.frame, self.controls.choice())


class RecordingView(SceneView):
    """
    A page with a time slider over a recording.

    Attributes:
        slider: counts frames from 0.
    """

    def __init__(
        self, recording: Recording, *, port: int = DEFAULT_PORT, access: Access = LOCAL,
    ) -> None:
        count = len(recording)
        if not count:
            raise DataError(f'{recording.folder} holds no frame: record again')
        super().__init__(recording.label_space, port=port, access=access)
        self._recording = recording
        # One slider step per frame; a recording of one frame needs a slider that cannot move.
        self.slider = self.server.gui.add_slider(
            'frame', min=0, max=max(count - 1, 1), step=1, initial_value=0,
            disabled=count == 1, order=-1)
        self.slider.on_update(lambda _: self._follow_slider())
        self._index = -1
        self.seek(0)

    def seek(self, index: int) -> None:
        """Show a frame by its number; a damaged one is reported and the page stays as it is."""
        with self._lock:
            self._index = index
            self.slider.value = index
            try:
                self.show(self._recording.frame(index))
            except DataError as error:
                _logger.warning('%s', error)

    def _follow_slider(self) -> None:
        with self._lock:
            # Callbacks of a dragged slider overtake each other; what it says now is what counts.
            index = int(self.slider.value)
            if index != self._index:
                self.seek(index)


class LiveView(SceneView):
    """A page fed by a running node: the newest frame is drawn, older ones are passed over."""

    def __init__(
        self, space: LabelSpace, *, port: int = DEFAULT_PORT, access: Access = LOCAL,
    ) -> None:
        super().__init__(space, port=port, access=access)
        self._newest: RecordedFrame | None = None
        self._changed = threading.Condition()
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name='ssc_live_view', daemon=True)
        self._thread.start()

    def update(self, frame: RecordedFrame) -> None:
        """Hand over a frame; returns at once."""
        with self._changed:
            self._newest = frame
            self._changed.notify()

    @property
    def is_running(self) -> bool:
        """Whether frames are still drawn."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Close the page and end its thread."""
        with self._changed:
            self._is_open = False
            self._changed.notify()
        self._thread.join(timeout=5.0)
        super().stop()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or not self._is_open)
                frame, self._newest = self._newest, None
                if not self._is_open:
                    return
            if frame is not None:
                try:
                    self.show(frame)
                except SscError as error:
                    _logger.warning('the page cannot show a frame: %s', error)
