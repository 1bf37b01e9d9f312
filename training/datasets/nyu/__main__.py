"""Command line: python -m training.datasets.nyu convert|verify|statistics|pack|images|fixture."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ssc_ros.errors import SscError
from ssc_ros.geometry.tsdf_settings import TsdfSettings
from ssc_ros.metrics import format_table

from .conventions import CAMERAS
from .convert import SOURCES, ConversionOptions, convert
from .fixture import write_fixture, write_raw_fixture
from .folder import IMAGES
from .matlab import extract_images
from .packed import pack
from .samples import BrokenFrame, NyuSamples
from .splits import STANDARD_IDS, is_standard
from .statistics import collect, format_statistics
from .verify import Difference, verify


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the subcommands."""
    parser = argparse.ArgumentParser(prog='python -m training.datasets.nyu', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    _add_convert(commands.add_parser(
        'convert', help='raw SSCNet release to the layout of 3D-Sketch'))
    _add_verify(commands.add_parser(
        'verify', help='check every file of a package; recompute the volumes of raw frames'))
    statistics = commands.add_parser('statistics', help='count classes, sets and distances')
    _add_package(statistics)
    statistics.add_argument('--json', type=Path, metavar='FILE', help='also write them there')
    statistics.set_defaults(run=_statistics)
    packing = commands.add_parser('pack', help='write plain arrays, read in microseconds')
    _add_package(packing)
    packing.add_argument('out', type=Path, help='new folder, e.g. data/nyu_packed')
    packing.add_argument('--images', nargs='*', choices=IMAGES, default=['label_map13'],
                         help='images to include; rgb of all frames takes 1.3 GB')
    packing.add_argument('--tsdf', choices=('float32', 'float16'), default='float32')
    packing.set_defaults(run=_pack)
    images = commands.add_parser(
        'images', help='colour images and 40-class labels from nyu_depth_v2_labeled.mat')
    images.add_argument('mat', type=Path)
    images.add_argument('out', type=Path, help='package that receives RGB/ and Label40/')
    images.set_defaults(run=_images)
    fixture = commands.add_parser('fixture', help='write five made-up frames with known counts')
    fixture.add_argument('out', type=Path)
    fixture.add_argument('--raw', action='store_true', help='as a raw release, not converted')
    fixture.set_defaults(run=_fixture)
    return parser


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('raw', type=Path, help='folder that holds depthbin/')
    parser.add_argument('out', type=Path, help='folder that receives NYU/ or NYUCAD/')
    parser.add_argument('--source', choices=SOURCES, default='NYU')
    _add_rules(parser)
    parser.add_argument('--sketch', action='store_true', help='also store label edges')
    parser.add_argument('--rgb', type=Path, help='folder of NYU0001_colors.png|jpg images')
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--skip-broken', action='store_true', help='leave out damaged frames')
    parser.set_defaults(run=_convert)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    _add_package(parser)
    parser.add_argument('--raw', type=Path, help='folder that holds depthbin/')
    parser.add_argument('--source', choices=SOURCES, default='NYU')
    _add_rules(parser)
    parser.set_defaults(run=_verify)


def _add_package(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('root', type=Path, help='folder of the package')
    parser.add_argument('--split', choices=tuple(STANDARD_IDS), default='all')
    parser.add_argument('--depth-source', choices=('kinect', 'cad'), default='kinect',
                        help='cad takes the volumes of NYUCAD beside the package')
    parser.add_argument('--cad-weights', choices=('official', 'own'), default='official',
                        help='label weights with NYUCAD: those of the Kinect volumes, or its own')
    parser.add_argument('--skip-broken', action='store_true', help='leave out damaged frames')


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--k', choices=tuple(CAMERAS), default='nyu', help='intrinsics')
    parser.add_argument('--start', type=int, choices=(0, 1), default=0,
                        help='TSDF of what no pixel sees: 0 (3D-Sketch) or 1 (SSCNet)')
    parser.add_argument('--flip', action='store_true', help='flipped TSDF (SSCNet)')
    parser.add_argument('--projective', action='store_true',
                        help='distances along the viewing ray')


def _rules(options: argparse.Namespace, *, with_sketch: bool = False) -> ConversionOptions:
    settings = TsdfSettings(
        kind='projective' if options.projective else 'accurate', flipped=options.flip,
        unobserved=float(options.start))
    return ConversionOptions(options.k, settings, with_sketch)


def _convert(options: argparse.Namespace) -> int:
    report = convert(
        options.raw, options.out, options.source, _rules(options, with_sketch=options.sketch),
        rgb_root=options.rgb, skip_broken=options.skip_broken, workers=options.workers,
        progress=True)
    print(f'{len(report.placements)} frames in {options.out / options.source}')
    _print_broken(report.broken)
    return 0


def _verify(options: argparse.Namespace) -> int:
    samples = _open(options, IMAGES)
    differences = list(tqdm(
        verify(samples, options.raw, options.source, _rules(options)), total=len(samples),
        desc='verify', unit='frame'))
    compared = [entry for entry in differences if entry.is_compared]
    failures = [entry for entry in compared if not entry.is_acceptable]
    if compared:
        print(format_table(
            ['frame', 'TSDF voxels', 'largest', 'mapping', 'labels', 'weights'],
            [_row(entry) for entry in compared]))
    print(f'{len(differences)} frames read and checked, {len(compared)} recomputed, '
          f'{len(failures)} of these differ by more than rounding')
    return 1 if failures or samples.broken else 0


def _row(entry: Difference) -> list[str]:
    values = (entry.tsdf, f'{entry.tsdf_max:.6f}', entry.mapping, entry.labels, entry.weights)
    return [f'{entry.frame_id:04d}', *map(str, values)]


def _statistics(options: argparse.Namespace) -> int:
    samples = _open(options)
    statistics = collect(tqdm(samples, desc='statistics', unit='frame'))
    print(format_statistics(statistics))
    standard = 'the standard' if is_standard(samples.frame_ids, options.split) else 'not the whole'
    print(f'split {options.split}: {standard} list of ids')
    if options.json is not None:
        options.json.write_text(json.dumps(statistics.as_dict(), indent=2) + '\n')
    return 0


def _pack(options: argparse.Namespace) -> int:
    samples = _open(options, options.images)
    splits = {name: samples.reader.ids(name) for name in ('train', 'test')}
    folder = pack(samples, options.out, splits, options=samples.options, tsdf_dtype=options.tsdf,
                  progress=True)
    size_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(f'{len(samples)} frames, {size_mb:.0f} MB in {folder}')
    return 0


def _images(options: argparse.Namespace) -> int:
    count = extract_images(options.mat, options.out, progress=True)
    print(f'{count} frames in {options.out}')
    return 0


def _fixture(options: argparse.Namespace) -> int:
    (write_raw_fixture if options.raw else write_fixture)(options.out)
    print(f'5 frames in {options.out}')
    return 0


def _open(options: argparse.Namespace, images: Sequence[str] = ()) -> NyuSamples:
    samples = NyuSamples(
        options.root, options.split, skip_broken=options.skip_broken, images=images,
        depth_source=options.depth_source, cad_weights=options.cad_weights)
    _print_broken(samples.broken)
    return samples


def _print_broken(broken: Sequence[BrokenFrame]) -> None:
    if broken:
        print(f'{len(broken)} frames left out:')
        print('\n'.join(f'  {frame.frame_id:04d}: {frame.reason}' for frame in broken))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except SscError as error:
        sys.stderr.write(f'{error}\n')
        return 1
    return status


if __name__ == '__main__':
    raise SystemExit(main())
