"""``ssc_ros evaluate``: score weights on a bag through the same estimator as the nodes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import radians
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros import __version__
from ssc_ros.bags import BagReader
from ssc_ros.bags.evaluation import (
    Evaluation,
    EvaluationLog,
    FrameEvaluation,
    FrameResult,
    duration_summary,
    median_stages,
    summary_table,
    write_json,
)
from ssc_ros.bags.frames import (
    BagFrame,
    BagImage,
    FrameKind,
    FrameReader,
    FrameTopics,
    ImageReader,
    ReportRefusal,
    find_frame_topics,
)
from ssc_ros.bags.image_evaluation import ImageEvaluation
from ssc_ros.commands.console import ProgressBar, say
from ssc_ros.commands.network import DEFAULT_WEIGHTS, NetworkFacts, describe_weights
from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space
from ssc_ros.models.estimator import (
    AS_TRAINED,
    load_estimator,
    load_image_estimator,
    set_iterations,
)
from ssc_ros.viewer import Recording

SHOWN_REFUSALS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument('bag', type=Path, help='folder of a rosbag2 bag (mcap or sqlite3)')
    parser.add_argument(
        '--weights', default=DEFAULT_WEIGHTS, help='bundle name or folder, random:PRESET, '
        'random:ammnet/PRESET or dummy (%(default)s)')
    parser.add_argument(
        '--out', type=Path, default=Path('out/evaluate'), help='folder of the results '
        '(%(default)s); an interrupted evaluation there is continued')
    parser.add_argument(
        '--input', choices=('stereo', 'rgbd', 'rgb'), help='what the network is fed (rgb for '
        'networks that label images, else stereo)')
    parser.add_argument(
        '--truth-space', default='nyu12', help='label space of the label images in the bag, for '
        'networks that label images, alone or beside voxels (%(default)s)')
    parser.add_argument(
        '--iterations', type=int, metavar='N', default=AS_TRAINED, help='of networks that refine '
        'their answer in a loop, 0 to 6 (as in their training)')
    parser.add_argument(
        '--namespace', default='/stereo', help='of the camera topics in the bag (%(default)s)')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda, ... (%(default)s)')
    parser.add_argument(
        '--precision', default='auto', choices=('auto', 'float32', 'bfloat16', 'float16'))
    parser.add_argument(
        '--camera-height', type=float, metavar='M', help='above the floor, for a bag without '
        'odometry')
    parser.add_argument(
        '--camera-pitch', type=float, metavar='DEG', default=0.0, help='positive looks down '
        '(%(default)s)')
    parser.add_argument(
        '--pose-from-depth', action='store_true', help='take the pose that every depth image '
        'shows, as rgbd_node does with pose.source depth')
    parser.add_argument(
        '--heading', choices=('camera', 'world'), default='camera', help='of the voxel box, as '
        'pose.heading of the nodes (%(default)s)')
    parser.add_argument(
        '--scenes', action='store_true', help='keep every estimate in OUT/scenes for '
        '`ssc_ros view`')


def run(args: argparse.Namespace) -> int:
    """Evaluate and return the exit code; 1 when the bag is damaged, after saving what was read."""
    network = describe_weights(args.weights, answers='image' if args.input == 'rgb' else None)
    kind: FrameKind = args.input or ('rgb' if network.labels_images else 'stereo')
    _check(args, kind, network)
    with BagReader(args.bag) as reader:
        topics = find_frame_topics(
            reader, kind=kind, namespace=args.namespace, scores_images=network.labels_pixels)
        load = load_image_estimator if network.labels_images else load_estimator
        estimator = load(args.weights, device=args.device, precision=args.precision)
        set_iterations(estimator, args.iterations)
        estimator.warm_up()
        say(f'{args.weights} on {estimator.device}, {args.bag}')
        log = EvaluationLog(args.out / 'unfinished.jsonl', {
            'version': __version__,
            'bag': str(args.bag.resolve()), 'messages': reader.message_count,
            'start_ns': reader.start_ns, 'topics': list(topics.all), **network.as_dict(),
            'device': estimator.device, 'precision': args.precision,
            'truth_space': args.truth_space, 'iterations': args.iterations,
            'pose': [args.camera_height, args.camera_pitch, args.pose_from_depth, args.heading]})
        run = _Run(
            args, estimator, log, reader.topics[topics.first].message_count,
            partial(_new_evaluation, args, estimator, network.labels_images))
        try:
            damage = run.consume(_frames(args, reader, topics, estimator, run.refuse))
        finally:
            log.close()
    log.path.replace(args.out / 'frames.jsonl')
    say(summary_table(run.report))
    for evaluation in (run.evaluation, run.image_evaluation):
        if evaluation.num_frames:
            say(evaluation.table())
    say(f'report: {args.out / "report.json"}')
    if damage:
        sys.stderr.write(f'error: {damage}\n')
    return 1 if damage else 0


def _check(args: argparse.Namespace, kind: FrameKind, network: NetworkFacts) -> None:
    if (kind == 'rgb') != network.labels_images:
        wanted = 'rgb' if network.labels_images else 'stereo or rgbd'
        raise ConfigurationError(f'{args.weights} is fed {wanted}: give --input accordingly')
    if args.scenes and network.labels_images:
        raise ConfigurationError('--scenes keeps completed scenes, and this network labels '
                                 'images: leave it out')


def _frames(
    args: argparse.Namespace, reader: BagReader, topics: FrameTopics, estimator: Any,
    refuse: ReportRefusal,
) -> Iterable[BagFrame | BagImage]:
    if topics.kind == 'rgb':
        return ImageReader(reader, topics, on_refused=refuse)
    return FrameReader(
        reader, topics, partial(estimator.place_box, heading=args.heading),
        fixed_pose=_fixed_pose(args), pose_from_depth=args.pose_from_depth, on_refused=refuse)


def _new_evaluation(args: argparse.Namespace, estimator: Any, labels_images: bool) -> Any:
    if labels_images:
        return _new_image_evaluation(args, estimator)
    return Evaluation(estimator.label_space)


def _new_image_evaluation(args: argparse.Namespace, estimator: Any) -> ImageEvaluation:
    return ImageEvaluation(estimator.label_space, load_label_space(args.truth_space))


def _fixed_pose(args: argparse.Namespace) -> NDArray[np.float64] | None:
    if args.camera_height is None:
        return None
    return level_camera_pose(
        height_m=args.camera_height, pitch_rad=radians(args.camera_pitch))


class _Run:
    """One evaluation: what is done, what is refused, and its report."""

    def __init__(
        self, args: argparse.Namespace, estimator: Any, log: EvaluationLog, total: int,
        new_evaluation: Callable[[], FrameEvaluation],
    ) -> None:
        self._new_evaluation = new_evaluation
        self.evaluation = new_evaluation()
        self.image_evaluation = _new_image_evaluation(args, estimator)
        self._args = args
        self._estimator = estimator
        self._log = log
        self._total = total
        self._done = {result.stamp_ns for result in log.results}
        self._refused = 0
        self._recording = Recording(args.out / 'scenes') if args.scenes else None
        for result in log.results:
            self._count(result)
        if self._done:
            say(f'{len(self._done)} frames were done before; going on')

    def refuse(self, stamp_ns: int, reason: str) -> None:
        """Count an image that makes no frame."""
        self._refused += 1
        if self._refused <= SHOWN_REFUSALS:
            sys.stderr.write(f'warning: left out at {stamp_ns / 1e9:.3f} s: {reason}\n')

    def consume(self, frames: Iterable[BagFrame | BagImage]) -> str:
        """Estimate all frames that are not done yet; return what is wrong with the bag."""
        bar = ProgressBar('evaluating', self._total)
        damage = ''
        try:
            for item in frames:
                if item.frame.stamp_ns not in self._done:
                    self._estimate(item)
                bar.show(len(self._done), self._note())
        except DataError as error:
            damage = str(error)
        finally:
            self._save()
            bar.finish(len(self._done), self._note())
        return damage

    @property
    def report(self) -> dict[str, Any]:
        """Return figures of everything done so far."""
        results = self._log.results
        return {
            'frames_in': self._total, 'frames_out': len(results),
            'dropped': self._total - len(results), **self.evaluation.as_dict(),
            **({'images': self.image_evaluation.as_dict()}
               if self.image_evaluation.num_frames else {}),
            'latency_ms': duration_summary([result.latency_ms for result in results]),
            'stage_ms': median_stages([result.stage_ms for result in results]),
            'weights': self._args.weights, 'bag': str(self._args.bag),
            'device': self._estimator.device}

    def _estimate(self, item: BagFrame | BagImage) -> None:
        truth = item.ground_truth()
        estimate = self._estimator(item.frame)
        confusion: list[list[int]] = []
        if truth is not None:
            is_image = isinstance(item, BagImage)
            labels = estimate.image_labels if is_image else estimate.labels
            confusion = self._new_evaluation().add(labels, truth).tolist()
        result = FrameResult(
            item.frame.stamp_ns, sum(estimate.stage_ms.values()), _plain(estimate.stage_ms),
            confusion, self._image_confusion(item, estimate))
        self._log.append(result)
        self._done.add(result.stamp_ns)
        self._count(result)
        if self._recording is not None and isinstance(item, BagFrame):
            self._recording.append(estimate, item.frame, truth)
        self._save()

    def _image_confusion(self, item: BagFrame | BagImage, estimate: Any) -> list[list[int]]:
        """Score the labelled image that came with a scene."""
        truth = item.image_ground_truth() if isinstance(item, BagFrame) else None
        if truth is None:
            return []
        evaluation = _new_image_evaluation(self._args, self._estimator)
        confusion: list[list[int]] = evaluation.add(estimate.image_labels, truth).tolist()
        return confusion

    def _count(self, result: FrameResult) -> None:
        for evaluation, confusion in (
                (self.evaluation, result.confusion),
                (self.image_evaluation, result.image_confusion)):
            if len(confusion):
                evaluation.add_confusion(np.array(confusion, np.int64))

    def _save(self) -> None:
        write_json(self._args.out / 'report.json', self.report)

    def _note(self) -> str:
        return self.evaluation.note() if self.evaluation.num_frames else ''


def _plain(stages: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in stages.items()}
