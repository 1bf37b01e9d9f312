"""``ssc_ros view``: a page, an HTML file or pictures of a recording, or a page of a live node."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from ssc_ros.errors import ConfigurationError
from ssc_ros.viewer.gate import LOOPBACK, TOKEN_VARIABLE, Access
from ssc_ros.viewer.recording import Recording

DEFAULT_PORT = 8765


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ssc_ros view``."""
    parser.add_argument(
        'recording', nargs='?', type=Path,
        help='folder of a recording, as `ssc_ros demo` writes it')
    parser.add_argument(
        '--live', action='store_true',
        help='show a running node instead; for remappings run viewer_node itself')
    parser.add_argument(
        '--source', default='stereo_node', metavar='NODE',
        help='the node that --live shows (%(default)s)')
    parser.add_argument(
        '--port', type=int, default=DEFAULT_PORT,
        help='of the page (%(default)s, or the next free one on 127.0.0.1)')
    parser.add_argument(
        '--host', default=LOOPBACK, metavar='ADDRESS',
        help='where the page listens (%(default)s); wider only with a token')
    parser.add_argument(
        '--token', default=os.environ.get(TOKEN_VARIABLE, ''),
        help='what a browser on another machine must know: the page is at '
        f'http://HOST:PORT/?token=TOKEN; better in the environment as {TOKEN_VARIABLE}')
    parser.add_argument(
        '--html', type=Path, metavar='FILE',
        help='write one frame as a self-contained HTML file and end')
    parser.add_argument(
        '--png', type=Path, metavar='DIR', help='write a picture of every frame and end')
    parser.add_argument(
        '--frame', type=int, default=0, help='which frame --html writes (%(default)s)')


def run(args: argparse.Namespace) -> int:
    """
    Do what the arguments ask for and return the exit code.

    Raises:
        SscError: there is nothing to show, or an optional package is missing.
    """
    if args.live:
        return _run_live(args)
    if args.recording is None:
        raise ConfigurationError('say which recording to show, or --live for a running node; '
                                 '`ssc_ros demo` writes a recording')
    return _show_recording(Recording.open(args.recording), args)


def write_pictures(recording: Recording, folder: Path) -> list[Path]:
    """
    Write a sheet per frame, named like the frame's file, and return the pictures.

    Raises:
        ConfigurationError: embreex or Pillow is not installed.
    """
    from ssc_ros.viewer.drawing import save_png
    from ssc_ros.viewer.pictures import scene_picture
    folder.mkdir(parents=True, exist_ok=True)
    pictures = []
    for path, frame in recording.named_frames():
        pictures.append(folder / f'{path.stem}.png')
        save_png(scene_picture(frame), pictures[-1])
    return pictures


def _show_recording(recording: Recording, args: argparse.Namespace) -> int:
    if args.png is not None:
        _say(f'{len(write_pictures(recording, args.png))} pictures in {args.png}')
    if args.html is not None:
        from ssc_ros.viewer.html_page import export_html
        _say(f'open {export_html(recording, args.html, args.frame)} in a browser')
    if args.png is None and args.html is None:
        from ssc_ros.viewer.server import RecordingView
        view = RecordingView(
            recording, port=args.port, access=Access(args.host, args.token))
        _say(f'{len(recording)} frames at {view.url}; Ctrl-C ends')
        with suppress(KeyboardInterrupt):
            _wait()
        view.stop()
    return 0


def _wait() -> None:
    threading.Event().wait()


def _run_live(args: argparse.Namespace) -> int:
    # A process of its own: only the nodes may import rclpy.
    command = [
        sys.executable, '-m', 'ssc_ros.nodes.viewer_node', '--ros-args',
        '-p', f'source:={args.source}', '-p', f'port:={args.port}', '-p', f'host:={args.host}']
    environment = {**os.environ, TOKEN_VARIABLE: args.token}
    return subprocess.run(command, check=False, env=environment).returncode


def _say(text: str) -> None:
    sys.stdout.write(text + '\n')
    sys.stdout.flush()
