from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.viewer import command


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(list(arguments)))


def test_pictures_are_named_like_their_frames(recording, tmp_path, capsys):
    pytest.importorskip('embreex')
    assert run(str(recording.folder), '--png', str(tmp_path / 'png')) == 0
    assert sorted(path.name for path in (tmp_path / 'png').iterdir()) == [
        '000000.png', '000001.png', '000002.png']
    assert '3 pictures' in capsys.readouterr().out


@pytest.mark.filterwarnings('ignore::ResourceWarning')
def test_one_frame_is_written_as_html(recording, tmp_path, capsys):
    pytest.importorskip('viser')
    path = tmp_path / 'scene.html'
    assert run(str(recording.folder), '--html', str(path), '--frame', '2') == 0
    assert '3.000 s' in path.read_text(encoding='utf-8')
    assert capsys.readouterr().out == f'open {path} in a browser\n'


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(DataError, match='nothing is not a recording'):
        run(str(tmp_path / 'nothing'))


def test_a_frame_beyond_the_end_is_named_with_the_last_one(recording, tmp_path):
    with pytest.raises(DataError, match=r'no frame 9: .* holds the frames 0 to 2'):
        run(str(recording.folder), '--html', str(tmp_path / 'a.html'), '--frame', '9')


def test_neither_recording_nor_live_asks_for_one():
    with pytest.raises(ConfigurationError, match='which recording'):
        run()


@pytest.mark.filterwarnings('ignore::ResourceWarning')
def test_the_page_is_announced_and_ctrl_c_ends_it(recording, capsys, monkeypatch):
    pytest.importorskip('viser')

    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, '_wait', interrupt)
    assert run(str(recording.folder), '--port', '0') == 0
    assert '3 frames at http://127.0.0.1:' in capsys.readouterr().out


def test_live_starts_the_node_in_a_process_of_its_own(monkeypatch):
    commands = []

    def record(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 5)

    monkeypatch.setattr(subprocess, 'run', record)
    assert run('--live', '--port', '9000', '--source', 'rgbd_node') == 5
    assert commands == [[
        sys.executable, '-m', 'ssc_ros.nodes.viewer_node', '--ros-args',
        '-p', 'source:=rgbd_node', '-p', 'port:=9000',
        '-p', 'host:=127.0.0.1']]
