"""Command line: python -m training.datasets.scans generate|bag|fuse|chunks|pseudo|check ..."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ssc_ros.errors import SscError
from ssc_ros.fusion.volume_grid import VOXEL_SIZE_M
from training.datasets.synthetic.generate import SPLITS
from training.segmenters.opening import COLORS, open_segmenter
from training.segmenters.pseudo_labels import label_scan

from .bag import ScanBagOptions, write_scan_bag
from .frame import Scan
from .opening import READERS, open_scan
from .prepare import IMAGES, ChunkOptions, rules_at, write_training_chunks
from .reprojection import depth_disagreement_m
from .spsg import SpsgImages
from .synthetic import ScanRecipe, SyntheticScan
from .synthetic.scan import PAINTS
from .volumes import add_volume_commands
from .writers import LAYOUTS


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the subcommands."""
    parser = argparse.ArgumentParser(prog='python -m training.datasets.scans', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    make = commands.add_parser('generate', help='write synthetic scans in a data set layout')
    _add_recipe(make)
    make.add_argument('--layout', choices=sorted(LAYOUTS), default='scannet')
    make.set_defaults(run=_generate)
    _add_bag(commands.add_parser('bag', help='write a scan as a bag to map with'))
    chunks = commands.add_parser(
        'chunks', help='fuse scans and write chunks, view lists and images to train on')
    _add_recipe(chunks)
    chunks.add_argument('--scan', type=Path, nargs='+', metavar='PATH',
                        help='scans on disk instead of synthetic ones')
    chunks.add_argument('--reader', choices=sorted(READERS), default='scannet')
    chunks.add_argument('--label-space', default='matterport11')
    chunks.add_argument('--step', type=int, default=1, help='fuse every STEP-th frame; video: 20')
    chunks.add_argument('--run-length', type=int, default=1,
                        help='neighbouring frames dropped together; video: 5')
    chunks.add_argument('--drop', type=float, default=0.5,
                        help='share of frames that the incomplete volume lacks')
    chunks.add_argument('--limit', type=int, help='chunks of each scan')
    chunks.add_argument('--voxel-size', type=float, default=VOXEL_SIZE_M, metavar='METRES',
                        help='0.04 for the small networks')
    chunks.add_argument('--scenes', action='store_true',
                        help='keep the volumes of whole scans, to score networks on')
    chunks.add_argument('--device', default='cpu')
    chunks.set_defaults(run=_chunks)
    _add_pseudo(commands.add_parser('pseudo', help='label the images of prepared scans'))
    add_volume_commands(commands)
    check = commands.add_parser('check', help='compare depth of neighbouring frames of a scan')
    check.add_argument('reader', choices=sorted(READERS))
    check.add_argument('scan', type=Path)
    check.add_argument('--pairs', type=int, default=10)
    check.set_defaults(run=_check)
    return parser


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('out', type=Path)
    parser.add_argument('--split', choices=sorted(SPLITS), default='train')
    parser.add_argument('--start', type=int, default=0, help='first scan of the split')
    parser.add_argument('--count', type=int, default=1)
    parser.add_argument('--rooms', type=int, default=2)
    parser.add_argument('--frames', type=int, default=40, help='per room')
    parser.add_argument('--height', type=int, default=240)
    parser.add_argument('--width', type=int, default=320)
    parser.add_argument('--paint', choices=PAINTS, default=PAINTS[0])


def _add_bag(parser: argparse.ArgumentParser) -> None:
    _add_recipe(parser)
    parser.add_argument('--scan', type=Path, help='scan on disk instead of a synthetic one')
    parser.add_argument('--reader', choices=sorted(READERS), default='scannet')
    parser.add_argument('--rate', type=float, default=2.0, help='frames per second')
    parser.add_argument('--quality', type=int, default=90, help='of JPEG images')
    parser.add_argument('--level-floor', action='store_true',
                        help='the floor is where the lowest points are: let it be z = 0')
    parser.set_defaults(run=_bag)


def _add_pseudo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('root', type=Path, help='folder that `chunks` wrote')
    parser.add_argument('--weights', default=COLORS,
                        help=f'bundle of this package, or {COLORS} for scans painted by class')
    parser.add_argument('--model', help='hub id or folder of a transformers model instead')
    parser.add_argument('--taxonomy', default='ade20k', help='of the classes of --model')
    parser.add_argument('--label-space', default='matterport11')
    parser.set_defaults(run=_pseudo)


def _synthetic(options: argparse.Namespace) -> Iterator[Scan]:
    for index in range(options.start, options.start + options.count):
        yield SyntheticScan(ScanRecipe(
            options.split, index, options.rooms, options.frames, options.height, options.width,
            paint=options.paint))


def _generate(options: argparse.Namespace) -> str:
    folders = [LAYOUTS[options.layout](scan, options.out) for scan in _synthetic(options)]
    return f'{len(folders)} scans in {options.out}'


def _bag(options: argparse.Namespace) -> str:
    scan = next(_synthetic(options)) if options.scan is None else open_scan(
        options.reader, options.scan)
    count = write_scan_bag(options.out, scan, ScanBagOptions(
        options.rate, options.quality, options.level_floor))
    return f'{count} frames of {scan.name} in {options.out}'


def _chunks(options: argparse.Namespace) -> str:
    scans = _synthetic(options) if options.scan is None else (
        open_scan(options.reader, path) for path in options.scan)
    chosen = ChunkOptions(
        label_space=options.label_space, step=options.step, run_length=options.run_length,
        drop_probability=options.drop, max_chunks=options.limit,
        rules=rules_at(options.voxel_size), voxel_size_m=options.voxel_size,
        writes_scenes=options.scenes)
    counts = [write_training_chunks(scan, options.out, chosen, device=options.device)
              for scan in scans]
    return f'{sum(counts)} chunks of {len(counts)} scans in {options.out}'


def _pseudo(options: argparse.Namespace) -> str:
    segmenter, count = open_segmenter(
        options.model or options.weights, options.label_space,
        taxonomy=options.taxonomy if options.model else None), 0
    for folder in sorted((options.root / IMAGES).iterdir()):
        count += label_scan(SpsgImages(folder), segmenter, folder)
    return f'{count} new label images by {segmenter.name}'


def _check(options: argparse.Namespace) -> str:
    scan = open_scan(options.reader, options.scan)
    ids = list(scan.poses())
    chosen = np.linspace(0, len(ids) - 2, min(options.pairs, len(ids) - 1)).astype(int)
    errors = [depth_disagreement_m(scan.read(ids[index]), scan.read(ids[index + 1]))
              for index in chosen]
    lines = [f'{ids[index]} to {ids[index + 1]}: {1000 * error:.1f} mm'
             for index, error in zip(chosen, errors, strict=True)]
    shared = [error for error in errors if np.isfinite(error)]
    verdict = f'median {1000 * float(np.median(shared)):.1f} mm' if shared else \
        'neighbours show nothing in common'
    return '\n'.join([*lines, f'{len(scan)} frames: {verdict}'])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        sys.stdout.write(options.run(options) + '\n')
    except SscError as error:
        sys.stderr.write(f'error: {error}\n')
        return 1
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
