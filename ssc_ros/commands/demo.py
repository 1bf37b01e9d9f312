"""``ssc_ros demo``: a stereo bag through stereo_node over DDS, scored, recorded and drawn."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from math import radians
from pathlib import Path
from typing import Any

import numpy as np

from ssc_ros.bags import BagReader
from ssc_ros.bags.evaluation import duration_summary, summary_table, write_json
from ssc_ros.bags.frames import FrameReader, find_frame_topics
from ssc_ros.bags.results import read_scenes, read_times
from ssc_ros.commands.console import ProgressBar, say
from ssc_ros.commands.network import DEFAULT_WEIGHTS, NetworkFacts, describe_weights
from ssc_ros.commands.processes import require_ros
from ssc_ros.commands.replay import NODE, ReplayPlan, replay
from ssc_ros.commands.samples import sample_bag, write_real_bag
from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.geometry.placement import PLACEMENT_RULES, rounded_level_pose
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space
from ssc_ros.metrics import format_table
from ssc_ros.viewer import RecordedFrame, Recording
from ssc_ros.weights import find_bundle, verify

MAX_SCENES = 60
RESULT_NAMES = ('bag', 'log', 'pictures', 'scenes', 'report.json', 'scores.json', 'real_pairs')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        '--real', action='store_true', help='12 real indoor stereo pairs (of the package '
        'stereodemo) instead of synthetic rooms; there is no ground truth to score against')
    parser.add_argument('--bag', type=Path, help='another stereo bag (the sample rooms)')
    parser.add_argument(
        '--weights', default=DEFAULT_WEIGHTS, help='bundle name or folder, random:PRESET or dummy '
        '(%(default)s)')
    parser.add_argument(
        '--out', type=Path, help='folder of the results; an older demo there is replaced '
        '(out/demo, with --real out/demo_real)')
    parser.add_argument(
        '--pictures', type=int, metavar='N', help='how many to draw (4, with --real all)')
    parser.add_argument(
        '--namespace', default='/stereo', help='of the camera topics in the bag (%(default)s)')
    parser.add_argument(
        '--camera-height', type=float, metavar='M', default=1.2, help='above the floor, for a bag '
        'without odometry (%(default)s)')
    parser.add_argument(
        '--camera-pitch', type=float, metavar='DEG', default=0.0, help='positive looks down, for '
        'a bag without odometry (%(default)s)')


def run(args: argparse.Namespace) -> int:
    """Run the demo and return the exit code."""
    require_ros()
    if args.real and args.bag:
        raise ConfigurationError('--real and --bag exclude each other: give one of them')
    network = describe_weights(args.weights)
    if network.sha256:
        verify(find_bundle(args.weights))
    out = args.out or Path('out/demo_real' if args.real else 'out/demo')
    _clear(out)
    bag, names = _choose_bag(args, out)
    plan = _plan(args, bag, network, out)
    say(f'{plan.total} stereo pairs of {bag} through {NODE} with weights {args.weights}')
    scores = replay(plan)
    if not scores.get('estimates'):
        raise DataError(f'no frame came out of {NODE}: {out / "log"} says why')
    with BagReader(plan.recorded_bag) as reader:
        report = _report(reader, plan, scores)
        write_json(out / 'report.json', report)
        _print(report)
        count = args.pictures if args.pictures is not None else (MAX_SCENES if args.real else 4)
        _draw(reader, plan, network, names, count)
    _say_what_next(plan)
    return 0


def _clear(out: Path) -> None:
    """Remove the results of an older demo, and nothing else."""
    out.mkdir(parents=True, exist_ok=True)
    for name in RESULT_NAMES:
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _choose_bag(args: argparse.Namespace, out: Path) -> tuple[Path, Sequence[str]]:
    """Return the bag and, where its frames have names, these."""
    if args.real:
        bag = out / 'real_pairs'
        return bag, write_real_bag(bag)
    return args.bag or sample_bag(), ()


def _plan(args: argparse.Namespace, bag: Path, network: NetworkFacts, out: Path) -> ReplayPlan:
    with BagReader(bag) as reader:
        topics = find_frame_topics(reader, namespace=args.namespace)
        if reader.damage:
            sys.stderr.write(f'warning: {bag} is damaged, only its beginning is played: '
                             f'{reader.damage}\n')
        return ReplayPlan(
            bag=bag, topics=topics, total=reader.topics[topics.first].message_count,
            weights=args.weights, label_space=network.label_space, out=out,
            camera_height_m=args.camera_height, camera_pitch_deg=args.camera_pitch)


def _report(reader: BagReader, plan: ReplayPlan, scores: Mapping[str, Any]) -> dict[str, Any]:
    times = read_times(reader, f'/{NODE}', (plan.topics.first, plan.topics.second))
    frames_out = int(scores.get('estimates', 0))
    kept = {key: value for key, value in scores.items() if plan.topics.ground_truth and key in (
        'frames_scored', 'sc_precision', 'sc_recall', 'sc_iou', 'ssc_miou', 'per_class_iou')}
    return {
        'frames_in': plan.total, 'frames_out': frames_out, 'dropped': plan.total - frames_out,
        **kept, 'latency_ms': duration_summary(list(times.latency_ms.values())),
        'stage_ms': times.stage_ms, 'weights': plan.weights, 'label_space': plan.label_space,
        'bag': str(plan.bag)}


def _print(report: Mapping[str, Any]) -> None:
    say()
    say(summary_table(report))
    if 'sc_iou' in report:
        values = {'SC IoU': report['sc_iou'], 'SSC mIoU': report['ssc_miou'],
                  **report['per_class_iou']}
        say()
        say(format_table(['score', '%'], [[k, f'{100 * v:.2f}'] for k, v in values.items()]))


def _draw(
    reader: BagReader, plan: ReplayPlan, network: NetworkFacts, names: Sequence[str], count: int,
) -> None:
    """Keep all scenes (a long bag: evenly chosen ones) and draw ``count`` of them."""
    place = PLACEMENT_RULES[network.placement]
    frames = FrameReader(
        reader, plan.topics, lambda pose: place(rounded_level_pose(pose)),
        fixed_pose=level_camera_pose(
            height_m=plan.camera_height_m, pitch_rad=radians(plan.camera_pitch_deg)))
    times = read_times(reader, f'/{NODE}', (plan.topics.first, plan.topics.second))
    stamps = sorted(times.latency_ms)
    kept = _evenly(stamps, MAX_SCENES)
    drawn = set(_evenly(kept, count))
    recording, bar = Recording(plan.out / 'scenes'), ProgressBar('drawing', len(kept))
    space = load_label_space(plan.label_space)
    scenes = read_scenes(reader, f'/{NODE}', frames, space, kept)
    for done, (estimate, item) in enumerate(scenes, start=1):
        recording.append(estimate, item.frame, item.ground_truth())
        if estimate.stamp_ns in drawn:
            index = stamps.index(estimate.stamp_ns)
            name = names[index] if len(names) == len(stamps) else f'frame {index + 1}'
            scene = RecordedFrame.of(estimate, item.frame, item.ground_truth())
            _draw_one(scene, name, plan.out / 'pictures')
        bar.show(done)
    bar.finish(len(kept))


def _draw_one(scene: RecordedFrame, name: str, folder: Path) -> None:
    try:
        from ssc_ros.viewer.drawing import save_png
        from ssc_ros.viewer.pictures import scene_picture

        save_png(scene_picture(scene, title=name), folder / f'{name.replace(" ", "_")}.png')
    except ConfigurationError as error:
        sys.stderr.write(f'warning: no pictures: {error}\n')


def _evenly(items: Sequence[int], count: int) -> list[int]:
    """Return at most ``count`` of the items, spread over all of them."""
    if len(items) <= count:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


def _say_what_next(plan: ReplayPlan) -> None:
    say()
    for text, path in (('report', 'report.json'), ('pictures', 'pictures'), ('output bag', 'bag'),
                       ('logs', 'log')):
        say(f'{text + ":":<12}{plan.out / path}')
    say(f'{"look:":<12}ssc_ros view {plan.out / "scenes"}')
