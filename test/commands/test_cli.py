"""The command line: right answers, one clear line for what is wrong, and exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ssc_ros.cli import COMMANDS, main


@pytest.mark.parametrize('command', list(COMMANDS))
def test_every_command_explains_itself(command: str, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, '--help'])
    assert end.value.code == 0
    assert COMMANDS[command].split(',')[0] in ' '.join(capsys.readouterr().out.split())


def test_an_unknown_command_is_wrong_usage(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(['fly'])
    assert end.value.code == 2
    assert 'fly' in capsys.readouterr().err


def test_help_imports_neither_torch_nor_rclpy_nor_numpy() -> None:
    code = ("import sys; from ssc_ros.cli import _parser; _parser([]).format_help(); "
            "sys.exit(bool({'torch', 'rclpy', 'numpy'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


@pytest.mark.parametrize(('words', 'message'), [
    (['evaluate', '/no/such/bag', '--weights', 'dummy'], '/no/such/bag does not exist'),
    (['evaluate', '/tmp', '--weights', 'no_such_weights'], "'no_such_weights' are neither"),
    (['weights', 'info', 'no_such_weights'], "'no_such_weights' are neither"),
    (['demo', '--real', '--bag', 'x', '--weights', 'dummy'], 'exclude each other'),
])
def test_what_is_missing_is_said_in_one_line_with_exit_code_1(
    words: list[str], message: str, capsys, monkeypatch,
) -> None:
    monkeypatch.setattr('ssc_ros.commands.processes.find_spec', lambda name: object())
    assert main(words) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.startswith('error: ')
    assert errors.count('\n') == 1


def test_the_demo_says_what_to_install_where_ros_is_missing(capsys, monkeypatch) -> None:
    monkeypatch.setattr('ssc_ros.commands.processes.find_spec', lambda name: None)
    assert main(['demo', '--weights', 'dummy']) == 1
    assert "pip install 'ssc_ros[ros]'" in capsys.readouterr().err


def test_an_interrupt_ends_with_130(capsys, monkeypatch) -> None:
    def interrupt(args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr('ssc_ros.commands.weights.run', interrupt)
    assert main(['weights', 'list']) == 130
    assert capsys.readouterr().err == 'interrupted\n'
