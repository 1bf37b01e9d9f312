"""Command line: python -m training.datasets.synthetic generate ..."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .generate import DOMAINS, SPLITS, generate


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
    make.add_argument('--split', choices=SPLITS, default='train')
    make.add_argument('--count', type=int, required=True, help='number of rooms')
    make.add_argument('--start', type=int, default=0, help='first room of the split')
    make.add_argument('--out', type=Path, required=True, help='root folder of the set')
    make.add_argument('--size', type=_size, default=(240, 320), metavar='WxH')
    make.add_argument('--domain', choices=DOMAINS, default='procedural')
    make.add_argument('--workers', type=int, default=os.cpu_count() or 1)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    options = build_parser().parse_args(arguments)
    paths = generate(options.out, options.split, options.count, start=options.start,
                     size=options.size, domain=options.domain, workers=options.workers)
    sys.stdout.write(f'{len(paths)} rooms in {options.out / options.split}\n')
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
