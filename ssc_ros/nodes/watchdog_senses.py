"""What the watchdog of a node sees: its flow, its clock and the ends of its topics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from rclpy.node import Node

from ssc_ros.nodes.activity import Activity
from ssc_ros.nodes.compat import misfit_of, type_name
from ssc_ros.nodes.findings import GRACE_S, Link, Observation
from ssc_ros.nodes.inputs import CameraInput
from ssc_ros.nodes.ledger import Ledger

if TYPE_CHECKING:
    from ssc_ros.nodes.flow import Flow

NANOSECONDS_PER_MS = 1e6
UNKNOWN_NODE = '_NODE_NAME_UNKNOWN_'  # so rmw_dds_common calls it


class Senses:
    """
    Makes observations of one node; what costs is asked only while nothing comes out.

    Args:
        ledger: of the messages of the node.
    """

    def __init__(
        self, node: Node, ledger: Ledger, *, clock: Callable[[], float] = monotonic,
    ) -> None:
        self._node = node
        self._ledger = ledger
        self._clock = clock
        self._last_finished_s: float | None = None
        self._dropped_before: dict[str, int] = {}
        self._simulated_ns = 0
        self._simulated_since_s = clock()

    def look(
        self, *, state: str, state_s: float, error: str, is_enabled: bool,
        flow: Flow | None, outputs: Sequence[Any], tolerance_ms: float,
    ) -> Observation:
        """
        Return what there is to see now.

        Args:
            state, state_s, error, is_enabled, tolerance_ms: see ``Observation``.
            flow: None while the node is not active.
            outputs: publishers of what the node is there for.
        """
        still_s, is_unset = self._clock_state()
        name = self._node.get_fully_qualified_name()
        if flow is None:
            return Observation(name, state, state_s, error)
        activity = flow.activity
        silence_s = self._since(activity.finished_s, math.inf)
        listeners = sum(publisher.get_subscription_count() for publisher in outputs)
        is_silent = min(silence_s, state_s) >= GRACE_S
        refusal = activity.refusal
        return Observation(
            name, state, state_s, error, silence_s, is_enabled, still_s, is_unset,
            links=tuple(self._links(flow, activity)) if is_silent else (),
            frame_pairs=tuple(_frame_pairs(flow.inputs, activity)),
            gap_ms=None if activity.gap_ns is None else activity.gap_ns / NANOSECONDS_PER_MS,
            tolerance_ms=tolerance_ms, computing_s=self._since(activity.computing_since_s, 0.0),
            refusal=(refusal.reason, refusal.topic, str(refusal)) if refusal else None,
            refused=activity.refused, dropped=self._dropped_since(activity), listeners=listeners,
            listener_misfits=() if listeners else tuple(self._listener_misfits(outputs)))

    def _since(self, moment_s: float | None, never: float) -> float:
        return never if moment_s is None else self._clock() - moment_s

    def _clock_state(self) -> tuple[float, bool]:
        """Return for how long a simulated clock has stood still, and whether it never ran."""
        if not self._node.get_parameter('use_sim_time').value:
            return 0.0, False
        now_ns: int = self._node.get_clock().now().nanoseconds
        if now_ns != self._simulated_ns:
            self._simulated_ns, self._simulated_since_s = now_ns, self._clock()
        return self._clock() - self._simulated_since_s, now_ns == 0

    def _dropped_since(self, activity: Activity) -> dict[str, int]:
        """Return drops since the last tick at which a new frame had come out."""
        dropped = self._ledger.totals().dropped
        if activity.finished_s != self._last_finished_s:
            self._last_finished_s, self._dropped_before = activity.finished_s, dropped
        return {reason: count - self._dropped_before.get(reason, 0)
                for reason, count in dropped.items()}

    def _links(self, flow: Flow, activity: Activity) -> Iterator[Link]:
        for source in flow.inputs:
            for subscription, is_calibration in source.subscriptions:
                if is_calibration:
                    silence_s = 0.0 if source.calibration.has_come else math.inf
                    base = source.spec.info_topic
                else:
                    silence_s = self._since(activity.heard_s.get(source.spec.name), math.inf)
                    base = source.spec.topic
                is_heard = silence_s < GRACE_S
                yield Link(subscription.topic_name, base, type_name(subscription.msg_type),
                           is_calibration, silence_s) if is_heard else self._examined(
                               subscription, base, is_calibration, silence_s)

    def _examined(
        self, subscription: Any, base: str, is_calibration: bool, silence_s: float,
    ) -> Link:
        wanted = type_name(subscription.msg_type)
        ends = self._node.get_publishers_info_by_topic(subscription.topic_name)
        fitting_type = [end for end in ends if end.topic_type == wanted]
        misfits = [misfit_of(end.qos_profile, subscription.qos_profile) for end in fitting_type]
        return Link(
            subscription.topic_name, base, wanted, is_calibration, silence_s,
            publishers=tuple(sorted({full_name(end) for end in ends})),
            misfit=misfits[0] if misfits and all(misfits) else '',
            other_type=ends[0].topic_type if ends and not fitting_type else '')

    def _listener_misfits(self, outputs: Sequence[Any]) -> Iterator[str]:
        for publisher in outputs:
            for end in self._node.get_subscriptions_info_by_topic(publisher.topic_name):
                misfit = misfit_of(publisher.qos_profile, end.qos_profile)
                if misfit:
                    yield (f'the subscription of {full_name(end)} to {publisher.topic_name} '
                           f'does not suit it ({misfit})')


def full_name(end: Any) -> str:
    """Return the name of an endpoint's node; the graph may know the topic before the node."""
    if end.node_name == UNKNOWN_NODE:
        return 'a node that is not known yet'
    return f'{end.node_namespace.rstrip("/")}/{end.node_name}'


def _frame_pairs(
    inputs: Sequence[CameraInput], activity: Activity,
) -> Iterator[tuple[str, str, str, str]]:
    """Yield what must be in one frame: the first image, its CameraInfo, images that share it."""
    first = inputs[0]
    frame = activity.frame_ids.get(first.spec.name)
    if not frame:  # none yet, or images without a frame, which are refused
        return
    if first.calibration.frame_id:
        yield first.topic, frame, first.calibration.topic, first.calibration.frame_id
    for source in inputs[1:]:
        other = activity.frame_ids.get(source.spec.name)
        if not source.spec.info_topic and other:
            yield first.topic, frame, source.topic, other
