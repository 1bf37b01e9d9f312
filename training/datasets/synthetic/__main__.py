"""Command line: python -m training.datasets.synthetic generate|bag ..."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from .generate import (
    DOMAINS,
    SPLITS,
    RoomRecipe,
    generate,
    make_sequence,
    room_path,
    write_credits,
)
from .library import DEFAULT_FOLDER
from .room import Room, load_room
from .writer import STORAGES, BagOptions, write_bag


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in text.lower().split('x'))
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is not WIDTHxHEIGHT, e.g. 320x240') from None
    return height, width


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the generator's subcommands."""
    parser = argparse.ArgumentParser(prog='python -m training.datasets.synthetic',
                                     description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    make = commands.add_parser('generate', help='write rooms as .npz files')
    _common(make, 'train', 'root folder of the set')
    make.add_argument('--workers', type=int, default=os.cpu_count() or 1)
    make.set_defaults(run=_generate)
    bag = commands.add_parser('bag', help='write a rosbag2 bag of walks through rooms')
    _common(bag, 'test', 'folder of the new bag')
    bag.add_argument('--rooms', type=int, nargs='+', metavar='INDEX',
                     help='these rooms of the split instead of --start and --count')
    bag.add_argument('--frames', type=int, default=10, help='views per room along a short walk')
    bag.add_argument('--rate', type=float, default=10.0, help='frames per second')
    bag.add_argument('--storage', choices=STORAGES, default='mcap')
    bag.add_argument('--raw', action='store_true', help='raw instead of compressed images')
    bag.add_argument('--quality', type=int, default=90, help='of JPEG images')
    bag.add_argument('--root', type=Path,
                     help='take the rooms of a generated set (one view each) instead of walks')
    bag.set_defaults(run=_bag)
    return parser


def _common(parser: argparse.ArgumentParser, split: str, out: str) -> None:
    parser.add_argument('--split', choices=SPLITS, default=split)
    parser.add_argument('--count', type=int, default=1, help='number of rooms')
    parser.add_argument('--start', type=int, default=0, help='first room of the split')
    parser.add_argument('--out', type=Path, required=True, help=out)
    parser.add_argument('--size', type=_size, default=(240, 320), metavar='WxH')
    parser.add_argument('--domain', choices=DOMAINS, default='procedural')
    parser.add_argument('--furniture', default=DEFAULT_FOLDER, metavar='FOLDER',
                        help='models of the domain furniture: sweethome3d-furniture, installed '
                             'or unpacked here')


def _generate(options: argparse.Namespace) -> str:
    paths = generate(options.out, options.split, options.count, start=options.start,
                     size=options.size, domain=options.domain, furniture=options.furniture,
                     workers=options.workers)
    return f'{len(paths)} rooms in {options.out / options.split}'


def _bag(options: argparse.Namespace) -> str:
    frames = write_bag(options.out, _views(options), BagOptions(
        options.storage, options.rate, not options.raw, options.quality))
    write_credits(options.out, options.domain, options.furniture)
    return f'{frames} frames in {options.out}'


def _views(options: argparse.Namespace) -> Iterator[Room]:
    indices = options.rooms or range(options.start, options.start + options.count)
    for index in tqdm(indices, desc='bag', unit='room'):
        if options.root is not None:
            yield load_room(room_path(options.root, options.split, index))
        else:
            recipe = RoomRecipe(options.split, index, *options.size, options.domain,
                                options.furniture)
            yield from make_sequence(recipe, options.frames, options.rate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    options = build_parser().parse_args(arguments)
    sys.stdout.write(options.run(options) + '\n')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
