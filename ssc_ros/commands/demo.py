"""``ssc_ros demo``: a bag through a perception node over DDS, scored, recorded and drawn."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import radians
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.bags import BagReader
from ssc_ros.bags.evaluation import duration_summary, summary_table, write_json
from ssc_ros.bags.frames import (
    BagImage,
    FrameKind,
    FrameReader,
    ImageReader,
    find_frame_topics,
)
from ssc_ros.bags.image_evaluation import ImageEvaluation
from ssc_ros.bags.label_images import score_label_images
from ssc_ros.bags.results import (
    LABEL_IMAGE,
    ReplayTimes,
    read_labelled_images,
    read_scenes,
    read_times,
)
from ssc_ros.commands.console import ProgressBar, say
from ssc_ros.commands.map_demo import NODE as MAPPING_NODE
from ssc_ros.commands.map_demo import run_map_demo
from ssc_ros.commands.network import NetworkFacts, describe_weights, find_shipped
from ssc_ros.commands.processes import require_ros
from ssc_ros.commands.replay import ReplayPlan, replay
from ssc_ros.commands.samples import WALK_BAG, sample_bag, write_real_bag
from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.frames import ImageEstimate
from ssc_ros.geometry.placement import place_rounded
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import LabelSpace, load_label_space
from ssc_ros.labels.numbering import translate_labels
from ssc_ros.metrics import format_table
from ssc_ros.models.estimator import AS_TRAINED
from ssc_ros.models.registry import RANDOM_PREFIX
from ssc_ros.viewer import RecordedFrame, Recording
from ssc_ros.weights import find_bundle, verify

MAX_SCENES = 60


@dataclass(frozen=True, slots=True)
class System:
    """
    What is shown.

    Attributes:
        network: whose shipped weights run.
        node: executable that runs it.
        kind, frames: what it is fed, and how that is called.
        out: default folder of the results.
        truth_space: label space of the ground truth in the sample bag; empty = that of the
            network.
        is_iterative: the network refines its answer in a loop, as often as one likes.
    """

    network: str
    node: str
    kind: FrameKind
    frames: str
    out: Path
    truth_space: str = ''
    is_iterative: bool = False


SYSTEMS: Mapping[str, System] = {system.network: system for system in (
    System('occdepth', 'stereo_node', 'stereo', 'stereo pairs', Path('out/demo')),
    System('ammnet', 'rgbd_node', 'rgbd', 'RGB-D frames', Path('out/demo_ammnet')),
    System('imenet', 'rgbd_node', 'rgbd', 'RGB-D frames', Path('out/demo_imenet'),
           is_iterative=True),
    System('gad', 'segmentation_node', 'rgb', 'colour images', Path('out/demo_gad'), 'nyu12'),
    System('s4r', MAPPING_NODE, 'rgbd', 'RGB-D frames', Path('out/demo_s4r')),
)}
IMAGE_TRUTH_SPACE = 'nyu12'
"""Of label images beside a ground truth of voxels."""
SCORES = (
    'frames_scored', 'sc_precision', 'sc_recall', 'sc_iou', 'ssc_miou', 'per_class_iou',
    'truth_space', 'pixel_accuracy', 'mean_accuracy', 'mean_iou', 'per_class_accuracy', 'release')
RESULT_NAMES = ('bag', 'log', 'pictures', 'scenes', 'report.json', 'scores.json', 'real_pairs')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        'system', nargs='?', choices=tuple(SYSTEMS), default='occdepth',
        help='occdepth completes stereo pairs, ammnet and imenet RGB-D frames, gad and imenet '
        'label colour images, s4r maps a walk through a house (%(default)s)')
    parser.add_argument(
        '--real', action='store_true', help='12 real indoor stereo pairs (of the package '
        'stereodemo) instead of synthetic rooms; there is no ground truth to score against')
    parser.add_argument('--bag', type=Path, help='another bag (the sample rooms)')
    parser.add_argument(
        '--weights', help='bundle name or folder, random:PRESET, random:NETWORK/PRESET or dummy '
        '(the shipped weights of the system)')
    parser.add_argument(
        '--iterations', type=int, metavar='N', default=AS_TRAINED, help='of imenet, 0 to 6: more '
        'cost time (as in its training)')
    parser.add_argument(
        '--out', type=Path, help='folder of the results; an older demo there is replaced '
        '(out/demo, with a system out/demo_SYSTEM; with --real _real behind it)')
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
    system = SYSTEMS[args.system]
    _check(args, system)
    weights = args.weights or _shipped_weights(system)
    if system.node == MAPPING_NODE:
        out = args.out or system.out
        _clear(out)
        return run_map_demo(args, weights, args.bag or sample_bag(WALK_BAG), out)
    network = describe_weights(weights, answers='image' if system.kind == 'rgb' else 'scene')
    if network.labels_images != (system.kind == 'rgb'):
        raise ConfigurationError(f'weights {weights!r} are not for {system.node}: give weights of '
                                 f'{system.network}, or name their system')
    if network.sha256:
        verify(find_bundle(weights))
    out = args.out or system.out.with_name(system.out.name + '_real' * args.real)
    _clear(out)
    bag, names = _choose_bag(args, out)
    plan = _plan(args, bag, network, out)
    say(f'{plan.total} {system.frames} of {bag} through {plan.node} with weights {weights}')
    scores = replay(plan)
    if not scores.get('estimates'):
        raise DataError(f'no frame came out of {plan.node}: {out / "log"} says why')
    with BagReader(plan.recorded_bag) as reader:
        report = _report(reader, plan, scores)
        if network.labels_pixels:
            report.update(_image_scores(reader, plan, args.namespace))
        write_json(out / 'report.json', report)
        _print(report)
        count = args.pictures if args.pictures is not None else (MAX_SCENES if args.real else 4)
        if network.labels_images:
            _draw_images(reader, plan, names, count)
        else:
            _draw(reader, plan, network, names, count)
    _say_what_next(plan)
    return 0


def _check(args: argparse.Namespace, system: System) -> None:
    if args.real and args.bag:
        raise ConfigurationError('--real and --bag exclude each other: give one of them')
    if args.real and system.kind == 'rgbd':
        raise ConfigurationError(
            f'--real plays stereo pairs without depth, {system.network} needs {system.frames}: '
            'leave it out')
    if args.iterations != AS_TRAINED and not system.is_iterative:
        raise ConfigurationError(
            f'--iterations is for networks that refine their answer in a loop, {system.network} '
            'has none: leave it out')


def _shipped_weights(system: System) -> str:
    """Return the shipped bundle of a system, or random weights with a warning."""
    shipped = find_shipped(system.network)
    if shipped is None:
        shipped = f'{RANDOM_PREFIX}{system.network}/small'
        sys.stderr.write(
            f'warning: no {system.network} weights ship with this version. The network runs with '
            f'random weights ({shipped}): topics, times and pictures are real, but labels and '
            'scores mean nothing. Give --weights BUNDLE for trained ones\n')
    return shipped


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
        system = SYSTEMS[args.system]
        topics = find_frame_topics(reader, kind=system.kind, namespace=args.namespace)
        if reader.damage:
            sys.stderr.write(f'warning: {bag} is damaged, only its beginning is played: '
                             f'{reader.damage}\n')
        return ReplayPlan(
            node=system.node, bag=bag, topics=topics,
            total=reader.topics[topics.first].message_count,
            weights=network.weights, label_space=network.label_space, out=out,
            truth_space=system.truth_space, iterations=args.iterations,
            camera_height_m=args.camera_height, camera_pitch_deg=args.camera_pitch)


def _report(reader: BagReader, plan: ReplayPlan, scores: Mapping[str, Any]) -> dict[str, Any]:
    times = _read_times(reader, plan)
    frames_out = int(scores.get('estimates', 0))
    kept = {key: value for key, value in scores.items()
            if plan.topics.ground_truth and key in SCORES}
    return {
        'frames_in': plan.total, 'frames_out': frames_out, 'dropped': plan.total - frames_out,
        **kept, 'latency_ms': duration_summary(list(times.latency_ms.values())),
        'stage_ms': times.stage_ms, 'weights': plan.weights, 'label_space': plan.label_space,
        'bag': str(plan.bag)}


def _image_scores(
    recorded: BagReader, plan: ReplayPlan, namespace: str,
) -> dict[str, dict[str, Any]]:
    """Score the labelled images that came with the scenes, where the bag has their truth."""
    evaluation = ImageEvaluation(
        load_label_space(plan.label_space), load_label_space(IMAGE_TRUTH_SPACE))
    with BagReader(plan.bag) as reader:
        topics = find_frame_topics(reader, kind='rgb', namespace=namespace)
        if topics.ground_truth:
            score_label_images(
                recorded, f'/{plan.node}/{LABEL_IMAGE}', ImageReader(reader, topics), evaluation)
    return {'images': evaluation.as_dict()} if evaluation.num_frames else {}


def _print(report: Mapping[str, Any]) -> None:
    say()
    say(summary_table(report))
    _print_scores(report)
    _print_scores(report.get('images', {}), 'score of the labelled images')


def _print_scores(report: Mapping[str, Any], title: str = 'score') -> None:
    values: dict[str, float | None] = {}
    if 'sc_iou' in report:
        values = {'SC IoU': report['sc_iou'], 'SSC mIoU': report['ssc_miou']}
    elif 'mean_iou' in report:
        values = {'PixAcc': report['pixel_accuracy'], 'mAcc': report['mean_accuracy'],
                  'mIoU': report['mean_iou']}
    if values:
        values.update(report['per_class_iou'])
        say()
        say(format_table([title, '%'], [
            [name, '-' if value is None else f'{100 * value:.2f}']
            for name, value in values.items()]))


def _read_times(reader: BagReader, plan: ReplayPlan) -> ReplayTimes:
    images = tuple(filter(None, (plan.topics.first, plan.topics.second)))
    return read_times(reader, f'/{plan.node}', images, output=plan.outputs[0])


def _draw(
    reader: BagReader, plan: ReplayPlan, network: NetworkFacts, names: Sequence[str], count: int,
) -> None:
    """Keep all scenes (a long bag: evenly chosen ones) and draw ``count`` of them."""
    frames = FrameReader(
        reader, plan.topics, lambda pose: place_rounded(network.placement, pose),
        fixed_pose=level_camera_pose(
            height_m=plan.camera_height_m, pitch_rad=radians(plan.camera_pitch_deg)))
    stamps = sorted(_read_times(reader, plan).latency_ms)
    kept = _evenly(stamps, MAX_SCENES)
    drawn = set(_evenly(kept, count))
    recording, bar = Recording(plan.out / 'scenes'), ProgressBar('drawing', len(kept))
    space = load_label_space(plan.label_space)
    scenes = read_scenes(reader, f'/{plan.node}', frames, space, kept)
    for done, (estimate, item) in enumerate(scenes, start=1):
        recording.append(estimate, item.frame, item.ground_truth())
        if estimate.stamp_ns in drawn:
            name = _name(names, stamps, estimate.stamp_ns)
            scene = RecordedFrame.of(estimate, item.frame, item.ground_truth())
            _draw_one(partial(_draw_scene, scene, name), name, plan.out / 'pictures')
        bar.show(done)
    bar.finish(len(kept))


def _draw_images(
    reader: BagReader, plan: ReplayPlan, names: Sequence[str], count: int,
) -> None:
    """Draw ``count`` labelled images, evenly chosen."""
    stamps = sorted(_read_times(reader, plan).latency_ms)
    drawn = _evenly(stamps, count)
    space = load_label_space(plan.label_space)
    truth_space = load_label_space(plan.truth_space) if plan.truth_space else space
    bar = ProgressBar('drawing', len(drawn))
    images = read_labelled_images(
        reader, f'/{plan.node}', ImageReader(reader, plan.topics), space, drawn)
    for done, (estimate, item) in enumerate(images, start=1):
        name = _name(names, stamps, estimate.stamp_ns)
        _draw_one(partial(_draw_labels, estimate, item, truth_space, name), name,
                  plan.out / 'pictures')
        bar.show(done)
    bar.finish(len(drawn))


def _name(names: Sequence[str], stamps: Sequence[int], stamp_ns: int) -> str:
    index = stamps.index(stamp_ns)
    return names[index] if len(names) == len(stamps) else f'frame {index + 1}'


def _draw_scene(scene: RecordedFrame, name: str) -> NDArray[np.uint8]:
    from ssc_ros.viewer.pictures import scene_picture

    return scene_picture(scene, title=name)


def _draw_labels(
    estimate: ImageEstimate, item: BagImage, truth_space: LabelSpace, name: str,
) -> NDArray[np.uint8]:
    from ssc_ros.viewer.image_pictures import image_picture

    truth, note = item.ground_truth(), ''
    if truth is not None:
        # In one label space, so that colours compare.
        labels = translate_labels(estimate.image_labels, estimate.label_space, truth_space)
        estimate = replace(estimate, image_labels=labels, label_space=truth_space)
        evaluation = ImageEvaluation(truth_space, truth_space)
        evaluation.add(labels, truth)
        note = evaluation.note()
    return image_picture(item.frame, estimate, title=name, truth=truth, note=note)


def _draw_one(draw: Callable[[], NDArray[np.uint8]], name: str, folder: Path) -> None:
    try:
        picture = draw()
        from ssc_ros.viewer.drawing import save_png

        save_png(picture, folder / f'{name.replace(" ", "_")}.png')
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
    if plan.topics.kind != 'rgb':
        say(f'{"look:":<12}ssc_ros view {plan.out / "scenes"}')
