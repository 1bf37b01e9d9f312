"""Scores estimated volumes or images against ground truth while both are being published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssc_ros.bags.evaluation import Evaluation, FrameEvaluation, write_json
from ssc_ros.bags.image_evaluation import ImageEvaluation
from ssc_ros.bags.pairing import StampPairs
from ssc_ros.errors import SscError
from ssc_ros.labels import load_label_space
from ssc_ros.messages.classes import message_class
from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.images import decode_label
from ssc_ros.nodes.lifecycle_node import SscLifecycleNode, run_node
from ssc_ros.nodes.parameters import parameter
from ssc_ros.nodes.qos import output_qos, overridable
from ssc_ros.nodes.reporting import ThrottledReporter
from ssc_ros.nodes.settings import LifecycleParameters

ESTIMATE, GROUND_TRUTH = 'estimate', 'ground_truth'
QUEUE_DEPTH = 100


@dataclass(frozen=True, slots=True)
class EvaluatorParameters(LifecycleParameters):
    """evaluator_node."""

    kind: str = parameter(
        'volumes', 'volumes: completed scenes, by SC and SSC; images: label images, by pixel '
        'accuracy and mIoU', choices=('volumes', 'images'))
    label_space: str = parameter(
        'nyu12', 'name or YAML file of the label space of both topics', path='name')
    truth_label_space: str = parameter(
        '', 'label space of ground_truth images, where it is another one: estimates are '
        'translated into it; empty = the same', path='name')
    report: str = parameter(
        '', 'JSON file that is rewritten after every estimate; empty = none', path='file',
        live=True)
    table_every: int = parameter(
        10, 'log the table after this many scored frames; 0 = only at the end', minimum=0,
        maximum=1_000_000, live=True)


class EvaluatorNode(SscLifecycleNode[EvaluatorParameters]):
    """
    Matches ``estimate`` with ``ground_truth`` by stamp.

    Both are label volumes (see ``messages.volumes``), or both label images.

    Attributes:
        report: what the JSON file holds.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('evaluator_node', EvaluatorParameters, **options)
        self._reporter = ThrottledReporter(self.get_logger().warning)
        self._listeners: list[Any] = []
        self._evaluation: FrameEvaluation | None = None
        self._pairs: StampPairs[Any] = StampPairs((ESTIMATE, GROUND_TRUTH))
        self._received = {ESTIMATE: 0, GROUND_TRUTH: 0}
        self._refused = 0

    @property
    def report(self) -> dict[str, Any]:
        """Return scores and counts so far."""
        scores = {} if self._evaluation is None else self._evaluation.as_dict()
        waiting, given_up = self._pairs.waiting, self._pairs.unmatched
        return {
            **scores,
            'estimates': self._received[ESTIMATE], 'ground_truths': self._received[GROUND_TRUTH],
            'unmatched_estimates': waiting[ESTIMATE] + given_up[ESTIMATE],
            'unmatched_ground_truths': waiting[GROUND_TRUTH] + given_up[GROUND_TRUTH],
            'refused': self._refused}

    def handle_configure(self) -> None:
        """Begin a new evaluation."""
        values = self.parameters
        space = load_label_space(values.label_space)
        truth_space = load_label_space(values.truth_label_space or values.label_space)
        self._evaluation = (
            ImageEvaluation(space, truth_space) if values.kind == 'images' else Evaluation(space))
        self._pairs = StampPairs((ESTIMATE, GROUND_TRUTH))
        self._received = {ESTIMATE: 0, GROUND_TRUTH: 0}
        self._refused = 0

    def handle_activate(self) -> None:
        """Listen."""
        self._listeners = [
            self.create_subscription(
                message_class('sensor_msgs/Image'), side, self._listener(side),
                output_qos(QUEUE_DEPTH), **overridable())
            for side in (ESTIMATE, GROUND_TRUTH)]
        names = ' and '.join(listener.topic_name for listener in self._listeners)
        self.get_logger().info(f'scoring {names} by equal stamps')

    def handle_deactivate(self) -> None:
        """Stop listening and say what was found; the scores are kept until cleanup."""
        for listener in self._listeners:
            self.destroy_subscription(listener)
        if self._listeners:
            self._listeners = []
            self._log_table()
            self._write_report()

    def handle_cleanup(self) -> None:
        """Forget the scores."""
        self._evaluation = None

    def _listener(self, side: str) -> Callable[[Any], None]:
        return lambda msg: self._receive(side, msg)

    def _receive(self, side: str, msg: Any) -> None:
        self._received[side] += 1
        pair = self._pairs.add(side, stamp_ns(msg.header.stamp), msg)
        if pair is not None:
            try:
                self._score(*pair)
            except SscError as error:
                self._refused += 1
                self._reporter.warn('not_scored', f'{ESTIMATE}, {GROUND_TRUTH}', str(error))
        if pair is not None or side == ESTIMATE:
            self._write_report()

    def _score(self, estimate: Any, truth: Any) -> None:
        assert self._evaluation is not None  # set by handle_configure
        # Volumes are (X, Y * Z); how Y * Z splits does not matter for the counts.
        self._evaluation.add(decode_label(estimate), decode_label(truth))
        every = self.parameters.table_every
        if every and self._evaluation.num_frames % every == 0:
            self._log_table()

    def _log_table(self) -> None:
        if self._evaluation is not None and self._evaluation.num_frames:
            self.get_logger().info(
                f'{self._evaluation.num_frames} frames\n{self._evaluation.table()}')

    def _write_report(self) -> None:
        path = self.parameters.report
        if not path:
            return
        try:
            write_json(Path(path), self.report)
        except OSError as error:
            self._reporter.warn('not_written', path, f'{error}: check the parameter report')


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; the entry point of the executable."""
    return run_node(EvaluatorNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
