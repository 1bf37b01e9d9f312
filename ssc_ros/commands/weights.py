"""``ssc_ros weights``: which weights bundles are there, and what is in one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ssc_ros.commands.console import say
from ssc_ros.errors import WeightsError
from ssc_ros.metrics import format_table
from ssc_ros.weights import find_bundle, list_bundles, read_bundle_config, read_card, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    actions.add_parser('list', help='list the bundles that ship with the package')
    info = actions.add_parser('info', help='verify a bundle and show its model card')
    info.add_argument('bundle', help='name of a shipped bundle, or a folder')


def run(args: argparse.Namespace) -> int:
    """Do what the arguments ask for and return the exit code."""
    return _list() if args.action == 'list' else _info(args.bundle)


def _list() -> int:
    names = list_bundles()
    if not names:
        raise WeightsError(
            'no weights ship with this installation: give the folder of a bundle, or try '
            '--weights dummy')
    rows = []
    for name in names:
        folder = find_bundle(name)
        document = read_bundle_config(folder)
        rows.append([name, document['model'], document['label_space'], _megabytes(folder)])
    say(format_table(['bundle', 'model', 'label space', 'MB'], rows))
    return 0


def _info(bundle: str) -> int:
    folder = find_bundle(bundle)
    verify(folder)
    document = read_bundle_config(folder)
    rows = [['folder', str(folder)], ['model', document['model']],
            ['label space', document['label_space']], ['MB', _megabytes(folder)],
            ['sha256', document['weights_sha256']], *_config_rows(document['config'])]
    say('\n'.join(f'{name:<24}{value}' for name, value in rows))
    say()
    say(read_card(folder) or 'This bundle has no model card.')
    return 0


def _config_rows(config: dict[str, Any]) -> list[list[str]]:
    return [[f'config.{key}', str(value)] for key, value in config.items()]


def _megabytes(folder: Path) -> str:
    return f'{sum(path.stat().st_size for path in folder.iterdir()) / 1e6:.1f}'
