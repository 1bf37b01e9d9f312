"""Command line of the training: `python -m training fit | test | export | tables | ...`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ssc_ros.errors import SscError
from training.tables.published import papers


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands."""
    parser = argparse.ArgumentParser(prog='python -m training', description=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    fit = commands.add_parser('fit', help='train an experiment, or continue it')
    _add_experiment(fit)
    fit.add_argument('--restart', action='store_true', help='delete the run and begin anew')
    test = commands.add_parser('test', help='score weights on a split')
    _add_experiment(test)
    test.add_argument('--checkpoint', '--weights', dest='weights', type=Path, required=True,
                      help='.ckpt file or folder of a bundle')
    _add_split(test)
    test.add_argument('--precision', default='auto')
    test.add_argument('--iterations', type=int, help='score IMENet after at most so many')
    test.add_argument('--every', type=int, default=1, help='score IMENet on every so many frames')
    _add_score(commands.add_parser('score', help='score predictions of other code, or a bundle'))
    export = commands.add_parser('export', help='write a checkpoint as a weights bundle')
    export.add_argument('--checkpoint', type=Path, required=True)
    export.add_argument('--out', type=Path, required=True, help='folder of the bundle')
    export.add_argument('--scores', type=Path, help='JSON of the test, for the model card')
    sweep = commands.add_parser('sweep', help='score and draw a run of IMENet, round by round')
    _add_experiment(sweep)
    _add_split(sweep)
    picture = commands.add_parser('picture', help='draw a scan as S4R completes it')
    _add_experiment(picture)
    picture.add_argument('--checkpoint', '--weights', dest='weights', type=Path, required=True,
                         help='.ckpt file or folder of a bundle')
    picture.add_argument('--split', default='test', choices=['train', 'val', 'test'])
    picture.add_argument('--scene', type=int, default=0, help='number of the scan in its split')
    curves = commands.add_parser('curves', help='draw the validation scores of a run')
    _add_experiment(curves)
    tables = commands.add_parser('tables', help='published figures beside measured ones')
    tables.add_argument('paper', choices=papers())
    tables.add_argument('--runs', type=Path, default=Path('runs'))
    tables.add_argument('--classes', action='store_true', help='the IoU of every class, too')
    return parser


def _add_experiment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('experiment', type=Path, help='YAML file')
    parser.add_argument('overrides', nargs='*', metavar='section.key=value')


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--split', default='test', choices=['train', 'val', 'test'])
    parser.add_argument('--limit', type=int, help='score only the first frames')


def _add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('predictions', help='folder with one .npz, .npy or .ply per frame, '
                        'weights (bundle, .ckpt, official .pth), or rule:NAME without learning')
    parser.add_argument('--data', type=Path, default=Path('data/nyu'), help='root of the data set')
    parser.add_argument('--split', default='test', choices=['train', 'test'])
    parser.add_argument('--depth', default='kinect', choices=['kinect', 'cad'],
                        help='cad: the volumes of NYUCAD')
    parser.add_argument('--visibility', type=Path, metavar='FOLDER',
                        help='score as SSCNet did, by its evaluation volumes as .npy or .npz')
    parser.add_argument('--key', help='of the labels in .npz files that hold several arrays')
    parser.add_argument('--skip-broken', action='store_true',
                        help='leave out missing and damaged frames, and say how many')
    parser.add_argument('--row', help='row of the tables that this reproduces')
    parser.add_argument('--seed', type=int, help='with which the network was trained')
    parser.add_argument('--out', type=Path, help='folder of the results (runs/NAME)')


def run(options: argparse.Namespace) -> None:
    """Run one subcommand; each imports only what it needs."""
    if options.command == 'tables':
        from training.cli.tables import print_tables
        print_tables(options.paper, options.runs, classes=options.classes)
    elif options.command == 'score':
        from training.cli.score import ScoreOptions, score
        score(ScoreOptions(**{name: value for name, value in vars(options).items()
                              if name != 'command'}))
    elif options.command == 'export':
        from training.cli.export import export
        export(options.checkpoint, options.out, options.scores)
    else:
        from training.experiment import load_experiment
        experiment = load_experiment(options.experiment, options.overrides)
        if options.command == 'fit':
            from training.cli.fit import fit
            fit(experiment, restart=options.restart)
        elif options.command == 'curves':
            from training.cli.curves import draw_curves
            print(draw_curves(experiment))
        elif options.command == 'picture':
            from training.cli.evaluate import load_weights
            from training.cli.scan_pictures import draw_scan
            estimator = load_weights(options.weights, system='s4r')
            print(draw_scan(experiment, estimator, split=options.split, scene=options.scene))
        elif options.command == 'sweep':
            from training.cli.sweep import sweep
            sweep(experiment, split=options.split, limit=options.limit)
        else:
            from training.cli.evaluate import evaluate
            evaluate(experiment, options.weights, split=options.split, limit=options.limit,
                     precision=options.precision, iterations=options.iterations,
                     every=options.every)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    try:
        run(build_parser().parse_args(arguments))
    except SscError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
