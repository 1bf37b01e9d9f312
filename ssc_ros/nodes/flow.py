"""One activation of a perception node: from arriving images to published estimates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from traceback import format_exc
from typing import Any, Protocol

from numpy.typing import NDArray
from rclpy.node import Node

from ssc_ros.errors import SscError
from ssc_ros.geometry.calibration import CameraCalibration
from ssc_ros.memory import free_cached_memory, is_out_of_memory
from ssc_ros.messages.headers import NANOSECONDS_PER_SECOND, stamp_ns
from ssc_ros.nodes.activity import Activity, ActivityRecord
from ssc_ros.nodes.inputs import CameraInput, ImageInput
from ssc_ros.nodes.ledger import Ledger
from ssc_ros.nodes.refusals import (
    BAD_STAMP,
    DISABLED,
    ESTIMATOR_FAILED,
    INTERNAL_ERROR,
    NO_FRAME,
    OUT_OF_MEMORY,
    RESET,
    STOPPED,
    ZERO_STAMP,
    RefusedInputError,
    refusing,
)
from ssc_ros.nodes.reporting import ThrottledReporter
from ssc_ros.nodes.settings import PerceptionParameters
from ssc_ros.nodes.stage_topics import StagePublisher
from ssc_ros.nodes.synchronization import ImageSet, create_synchronizer
from ssc_ros.nodes.timing_log import TimingLog
from ssc_ros.nodes.timings import StageTimings, Stopwatch
from ssc_ros.nodes.undoing import undone_on_failure
from ssc_ros.nodes.worker import Worker


@dataclass(frozen=True, slots=True, eq=False)
class FrameParts:
    """
    What a frame is made of: images of one moment.

    Attributes:
        images: by input name; colour (H, W, 3) uint8 RGB, depth (H, W) float32 metres.
        calibrations: by name of the inputs that have a CameraInfo; the same object as long as
            its content does not change.
        stamp_ns, frame_id: of the first input.
        topic: resolved name of the first input, for messages.
    """

    images: Mapping[str, NDArray[Any]]
    calibrations: Mapping[str, CameraCalibration]
    stamp_ns: int
    frame_id: str
    topic: str


class FrameHandler(Protocol):
    """What a node does with the images of one moment; called by the worker thread."""

    def build(self, parts: FrameParts, watch: Stopwatch) -> tuple[Any, Callable[[Any], None]]:
        """
        Return the frame that the estimator takes, and what publishes its estimate.

        Raises:
            SscError: the images do not fit each other or their calibration.
            RefusedInputError: something else that the frame needs is missing.
        """

    def clear(self) -> None:
        """Forget what was received."""

    def close(self) -> None:
        """Stop listening."""


@dataclass(frozen=True, slots=True, eq=False)
class FlowContext:
    """
    What a flow works with; all but the handler outlives the flow.

    Attributes:
        handler: of this activation; the flow closes it, unless it cannot be made.
        estimator: takes the frames that the handler builds.
        estimator_lock: held during a call, as a stopped flow may still be computing.
    """

    node: Node
    image_inputs: Sequence[ImageInput]
    parameters: Callable[[], PerceptionParameters]
    handler: FrameHandler
    estimator: Any
    estimator_lock: threading.Lock
    stages: StagePublisher
    ledger: Ledger
    timings: StageTimings
    timing_log: TimingLog
    reporter: ThrottledReporter


class Flow:
    """
    Subscriptions, matcher and worker, from construction until close().

    Callbacks run in the executor's thread and only hand messages over; the worker thread
    decodes, computes and publishes the newest set.

    Attributes:
        is_enabled: false drops everything that arrives.
    """

    def __init__(self, context: FlowContext) -> None:
        values = context.parameters()
        self.is_enabled = True
        self._context = context
        self._handler = context.handler
        self._synchronizer = create_synchronizer(
            [spec.name for spec in context.image_inputs], values.sync, context.ledger.drop)
        self._activity = ActivityRecord([spec.name for spec in context.image_inputs])
        self._worker = Worker(self._process, self._discard)
        self._inputs = {spec.name: CameraInput(context.node, spec, values.input)
                        for spec in context.image_inputs}
        self._pivot = context.image_inputs[0].name
        # In this order the executor hands over a new calibration before the image it belongs to.
        with undone_on_failure(self._release):
            for source in self._inputs.values():
                source.open_calibration()
            for source in self._inputs.values():
                source.open_images(self._receive)

    @property
    def topics(self) -> list[str]:
        """Resolved names of the images and calibrations it listens to."""
        return [topic for source in self._inputs.values() for topic in source.topics]

    @property
    def inputs(self) -> list[CameraInput]:
        """The topics it listens to, the one that gives stamps and frames first."""
        return list(self._inputs.values())

    @property
    def activity(self) -> Activity:
        """What it lately did."""
        return self._activity.now()

    def adapt(self) -> None:
        """Take over live parameters that are not read at every use."""
        self._synchronizer.set_tolerance_ms(self._context.parameters().sync.tolerance_ms)

    def clear(self) -> None:
        """Drop what waits and forget what was received."""
        self._synchronizer.clear(RESET)
        self._activity.clear()
        self._handler.clear()

    def close(self) -> bool:
        """Stop; return whether the worker ended in time."""
        self._handler.close()
        return self._release()

    def _release(self) -> bool:
        for source in self._inputs.values():
            source.close()
        self._synchronizer.clear(STOPPED)
        return self._worker.stop()

    def _receive(self, name: str, msg: Any) -> None:
        """Take one image in the executor's thread: must stay far below a millisecond."""
        ledger = self._context.ledger
        ledger.receive(name)
        header = msg.header
        self._activity.hear(name, stamp_ns(header.stamp), header.frame_id)
        if not self.is_enabled:
            ledger.drop(DISABLED)
            return
        try:
            _check_header(header, self._inputs[name].topic)
        except RefusedInputError as refusal:
            self._refuse(refusal, messages=1)
            return
        arrival_s = monotonic()
        for messages in self._synchronizer.push(name, stamp_ns(header.stamp), msg):
            pivot_stamp = messages[self._pivot].header.stamp
            self._worker.put(ImageSet(stamp_ns(pivot_stamp), messages, arrival_s))

    def _refuse(self, refusal: RefusedInputError, messages: int) -> None:
        self._activity.refuse(refusal)
        self._context.reporter.warn(refusal.reason, refusal.topic, str(refusal))
        self._context.ledger.drop(refusal.reason, messages)

    def _discard(self, reason: str, images: ImageSet) -> None:
        self._context.ledger.drop(reason, len(images.messages))

    def _process(self, images: ImageSet) -> None:
        """Take one set through all stages; whatever is wrong with it must not end the thread."""
        self._activity.begin()
        try:
            is_used = self._walk(images)
        except RefusedInputError as refusal:
            self._refuse(refusal, len(images.messages))
        except Exception:
            if not self._context.node.context.ok():  # a signal took it away under the publishers
                self._discard(STOPPED, images)
                return
            topic = self._inputs[self._pivot].topic
            self._refuse(
                RefusedInputError(INTERNAL_ERROR, topic, format_exc()), len(images.messages))
        else:
            if is_used:
                self._activity.finish()
                self._context.ledger.use(images.messages)
            else:
                self._discard(STOPPED, images)
        finally:
            self._activity.end()

    def _walk(self, images: ImageSet) -> bool:
        """Return whether the result was still wanted."""
        watch = Stopwatch()
        durations_ms = watch.durations_ms
        durations_ms['wait'] = (monotonic() - images.arrival_s) * 1000
        durations_ms['input_age'] = self._age_ms(images)
        with watch.stage('total'):
            frame, publish = self._prepare(images, watch)
            estimate = self._estimate(frame)
            durations_ms.update(estimate.stage_ms)
            if self._worker.is_stopping:
                return False
            with watch.stage('publish'):
                publish(estimate)
        durations_ms['pipeline_latency'] = self._age_ms(images)
        durations_ms['overhead'] = (
            durations_ms['wait'] + durations_ms['total'] - durations_ms.get('network', 0.0))
        self._context.timings.record(durations_ms)
        self._context.timing_log.add(images.stamp_ns, durations_ms)
        self._context.stages.publish(durations_ms)
        return True

    def _prepare(
        self, images: ImageSet, watch: Stopwatch,
    ) -> tuple[Any, Callable[[Any], None]]:
        with watch.stage('decode'):
            calibrations = {
                name: source.calibration.get() for name, source in self._inputs.items()
                if source.spec.info_topic}
            pixels = {name: source.read(images.messages[name])
                      for name, source in self._inputs.items()}
        with refusing(', '.join(self.topics)):
            return self._handler.build(FrameParts(
                pixels, calibrations, images.stamp_ns,
                images.messages[self._pivot].header.frame_id,
                self._inputs[self._pivot].topic), watch)

    def _estimate(self, frame: Any) -> Any:
        estimator = self._context.estimator
        try:
            with self._context.estimator_lock:
                return estimator(frame)
        except Exception as error:
            if not is_out_of_memory(error):
                # Our own errors say what to do; of others only the traceback helps.
                reason = str(error) if isinstance(error, SscError) else format_exc()
                raise RefusedInputError(
                    ESTIMATOR_FAILED, estimator.name,
                    f'the network skipped a frame: {reason}') from error
            reason = (str(error) or repr(error)).splitlines()[0]
        # Only now the error is gone, and with it the tensors of the frames it passed through.
        free_cached_memory()
        raise RefusedInputError(
            OUT_OF_MEMORY, estimator.name,
            f'the network skipped a frame for want of memory on {estimator.device} ({reason}): '
            'end what else uses it, or configure the node with smaller weights, another '
            'model.device or a shorter model.precision')

    def _age_ms(self, images: ImageSet) -> float:
        now_ns: int = self._context.node.get_clock().now().nanoseconds
        return (now_ns - images.stamp_ns) / 1e6


def _check_header(header: Any, topic: str) -> None:
    if header.stamp.sec == 0 and header.stamp.nanosec == 0:
        raise RefusedInputError(
            ZERO_STAMP, topic, 'image with stamp 0: the camera driver must set header.stamp to '
            'the time of exposure')
    if header.stamp.nanosec >= NANOSECONDS_PER_SECOND:
        raise RefusedInputError(
            BAD_STAMP, topic, f'image with {header.stamp.nanosec} nanoseconds in header.stamp, '
            f'expected less than {NANOSECONDS_PER_SECOND}: check the camera driver')
    if not header.frame_id:
        raise RefusedInputError(
            NO_FRAME, topic, 'image without header.frame_id: the camera driver must name its '
            'optical frame, or the result has no place')
