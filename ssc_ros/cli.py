"""The ``ssc_ros`` command: demo, evaluate, view, weights."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from ssc_ros import __version__
from ssc_ros.errors import SscError

COMMANDS = {
    'demo': 'replay a bag through a perception node, score it and write pictures',
    'evaluate': 'score weights on a bag, without ROS',
    'view': 'see a recording or a running node in the browser',
    'weights': 'list bundles, show what is in one, convert official checkpoints',
}
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 = done, 1 = failed, 2 = wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    args = _parser(words).parse_args(words)
    run: Callable[[argparse.Namespace], int] = import_module(
        f'ssc_ros.commands.{args.command}').run
    try:
        return run(args)
    except SscError as error:
        sys.stderr.write(f'error: {error}\n')
        return 1
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (head, less) has left; Python must not try to flush again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='ssc_ros', description='Semantic scene completion for ROS 2.')
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        # Only the chosen command is imported, so that --help answers at once.
        if name in words[:1]:
            import_module(f'ssc_ros.commands.{name}').add_arguments(command)
    return parser


if __name__ == '__main__':
    raise SystemExit(main())
