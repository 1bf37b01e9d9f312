"""Names from outside cannot leave their folder, and failed writes leave the old file."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from ssc_ros.paths import confined_path, replacing


@pytest.mark.parametrize('name', ['map.npz', 'rooms/kitchen.npz', './a', 'a/./b', '..hidden'])
def test_relative_names_stay_inside(tmp_path, name):
    path = confined_path(tmp_path, name)
    assert path.is_absolute() and tmp_path.resolve() in path.parents


@pytest.mark.parametrize('name', [
    '', '.', './', '..', '../x', 'a/../../x', 'a/..', '/etc/passwd', '//x', '~/x', '~root/x',
    'a\0b'])
def test_names_that_leave_are_refused_with_the_folder_in_the_message(tmp_path, name):
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        confined_path(tmp_path, name)


def test_symbolic_links_that_lead_out_are_refused_and_those_inside_are_followed(tmp_path):
    base, outside = tmp_path / 'base', tmp_path / 'outside'
    base.mkdir()
    outside.mkdir()
    (base / 'out').symlink_to(outside)
    (base / 'file').symlink_to(outside / 'target')
    (base / 'rooms').mkdir()
    (base / 'in').symlink_to(base / 'rooms')
    for name in ('out/x', 'file', 'out'):
        with pytest.raises(ConfigurationError, match='not inside'):
            confined_path(base, name)
    assert confined_path(base, 'in/x') == base / 'rooms' / 'x'


def test_links_that_lead_in_a_circle_are_refused(tmp_path):
    (tmp_path / 'a').symlink_to(tmp_path / 'b')
    (tmp_path / 'b').symlink_to(tmp_path / 'a')
    with pytest.raises(ConfigurationError):
        confined_path(tmp_path, 'a/x')


def test_a_link_as_the_folder_itself_is_its_target(tmp_path):
    (tmp_path / 'real').mkdir()
    (tmp_path / 'link').symlink_to(tmp_path / 'real')
    assert confined_path(tmp_path / 'link', 'x') == tmp_path / 'real' / 'x'


def test_an_empty_folder_is_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert confined_path('', 'x') == tmp_path / 'x'


@given(st.text(alphabet='ab./~\0\\', max_size=12))
def test_whatever_the_name_the_path_is_inside_or_refused(name):
    try:
        path = confined_path('/srv/maps', name)
    except ConfigurationError:
        return
    assert str(path).startswith('/srv/maps/') and '..' not in path.parts


def test_a_file_is_replaced_when_the_block_ends(tmp_path):
    path = tmp_path / 'new' / 'report.json'
    for text in ('old', 'new'):
        with replacing(path) as partial:
            assert partial.suffix == '.json' and partial.parent == path.parent
            partial.write_text(text)
    assert path.read_text() == 'new' and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('error', [OSError(errno.ENOSPC, 'No space left'), ValueError('x')])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / 'report.json'
    path.write_text('old')
    with pytest.raises(type(error)), replacing(path) as partial:
        partial.write_text('half')
        raise error
    assert path.read_text() == 'old' and list(tmp_path.iterdir()) == [path]
