"""Why nothing comes out: from what a node observes to one sentence with the remedy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ssc_ros.nodes import refusals

GRACE_S = 3.0
"""Silence that needs no explanation: discovery takes a second, slow cameras send one a second."""

# Causes.
CLOCK = 'no_clock'
COMPUTING = 'computing'
DISABLED = 'disabled'
FRAMES = 'frames_differ'
INACTIVE = 'inactive'
NO_CALIBRATION = 'no_calibration'
NO_POSE = 'no_pose'
NO_PUBLISHER = 'no_publisher'
NOBODY_LISTENS = 'nobody_listens'
NOT_LOADED = 'not_loaded'
QOS = 'incompatible_qos'
REFUSED = 'refused'
SILENT_PUBLISHER = 'silent_publisher'
STAMPS = 'stamps_apart'
UNMATCHED = 'unmatched'
WRONG_TYPE = 'wrong_type'

_CAUSE_OF_REFUSAL = {
    refusals.BAD_CALIBRATION: NO_CALIBRATION, refusals.NO_CALIBRATION: NO_CALIBRATION,
    refusals.NO_POSE: NO_POSE,
}
_LONGEST_QUOTE = 400
_TRACEBACK = 'Traceback (most recent call last):'


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Why nothing comes out, or why what comes out is doubtful.

    Attributes:
        cause: one of the constants above.
        sentence: what is the matter and what to do, in one line.
        is_fault: false where it is as somebody wanted it, e.g. an inactive node.
    """

    cause: str
    sentence: str
    is_fault: bool = True


@dataclass(frozen=True, slots=True)
class Link:
    """
    A topic that the node listens to.

    Attributes:
        topic: resolved name.
        base: name to remap.
        message_type: that the node takes.
        is_calibration: CameraInfo; one message is enough.
        silence_s: since the last message, infinite = none since the node became active.
        publishers: names of the nodes that publish it.
        misfit: why the quality of service of all of them does not suit, empty = it does.
        other_type: type that they publish, where it is another one.
    """

    topic: str
    base: str
    message_type: str
    is_calibration: bool = False
    silence_s: float = 0.0
    publishers: tuple[str, ...] = ()
    misfit: str = ''
    other_type: str = ''


@dataclass(frozen=True, slots=True)
class Observation:
    """
    What a node sees of itself and of the graph around it.

    Attributes:
        node: fully qualified name.
        state, state_s: lifecycle state, and for how long.
        error: why the last transition failed, empty = it did not.
        silence_s: since the last published frame, infinite = none since activation.
        is_enabled: false after ``~/enable`` was called with false.
        clock_still_s: for how long a simulated clock has not moved; 0 for a real one.
        is_clock_unset: no message of a simulated clock ever came.
        links: topics that the node listens to.
        frame_pairs: (topic, its frame, another topic, its frame), where both must be the same.
        gap_ms, tolerance_ms: distance of stamps that should match, and what is allowed.
        computing_s: for how long the present frame has been worked on, 0 = no frame is.
        refusal: reason, topic and sentence of the last refusal since the last published frame.
        refused: their number.
        dropped: images by reason since the last published frame.
        listeners: subscriptions to all outputs together.
        listener_misfits: why existing subscriptions get nothing.
    """

    node: str
    state: str
    state_s: float = math.inf
    error: str = ''
    silence_s: float = math.inf
    is_enabled: bool = True
    clock_still_s: float = 0.0
    is_clock_unset: bool = False
    links: tuple[Link, ...] = ()
    frame_pairs: tuple[tuple[str, str, str, str], ...] = ()
    gap_ms: float | None = None
    tolerance_ms: float = 0.0
    computing_s: float = 0.0
    refusal: tuple[str, str, str] | None = None
    refused: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    listeners: int = 1
    listener_misfits: tuple[str, ...] = ()

    @property
    def is_running(self) -> bool:
        """Frames come out."""
        return self.state == 'active' and self.silence_s < GRACE_S


def diagnose(observation: Observation) -> Finding | None:
    """Return what matters most, None as long as all is well or it is too early to tell."""
    if observation.state_s < GRACE_S:
        return None
    if observation.state != 'active':
        return _not_active(observation)
    rules = [*(() if observation.is_running else _SILENCE), *_ALWAYS]
    return next((finding for rule in rules if (finding := rule(observation))), None)


def one_line(text: str) -> str:
    """Return a text as one line of bearable length; of a traceback only its last line stays."""
    before, traceback, _ = text.partition(_TRACEBACK)
    if traceback:
        text = before + text.strip().splitlines()[-1]
    joined = ' '.join(text.split())
    return joined if len(joined) <= _LONGEST_QUOTE else f'{joined[:_LONGEST_QUOTE]}...'


def _not_active(seen: Observation) -> Finding | None:
    if seen.state not in ('unconfigured', 'inactive'):
        return None
    verb = 'configure' if seen.state == 'unconfigured' else 'activate'
    cause = NOT_LOADED if seen.state == 'unconfigured' else INACTIVE
    command = f'ros2 lifecycle set {seen.node} {verb}'
    if seen.error:
        return Finding(cause, f'cannot {verb}: {one_line(seen.error)}; once that is mended, '
                              f'{command}')
    what = 'no network is loaded yet' if cause == NOT_LOADED else 'the network is loaded'
    return Finding(
        cause, f'the node is {seen.state}, {what}: {command}, or let it start itself with '
        'autostart', is_fault=False)


def _clock(seen: Observation) -> Finding | None:
    remedy = 'start the simulation or play the bag with --clock, or set use_sim_time to false'
    if seen.is_clock_unset:
        return Finding(CLOCK, f'use_sim_time is set but nothing came on /clock: {remedy}')
    return None


def _still_clock(seen: Observation) -> Finding | None:
    if seen.clock_still_s < GRACE_S:
        return None
    return Finding(
        CLOCK, f'use_sim_time is set but /clock has stood still for {seen.clock_still_s:.0f} s: '
        'resume the simulation or the bag, or set use_sim_time to false')


def _disabled(seen: Observation) -> Finding | None:
    if seen.is_enabled:
        return None
    return Finding(
        DISABLED, f'all images are dropped because {seen.node}/enable was called with false: '
        'call it with true', is_fault=False)


def _links(seen: Observation) -> Finding | None:
    silent = [link for link in seen.links
              if not link.is_calibration and link.silence_s >= GRACE_S]
    unheard = [link for link in seen.links if link.is_calibration and math.isinf(link.silence_s)]
    return next(_broken(silent), None) or next(_broken(unheard), None)


def _broken(links: Sequence[Link]) -> Iterator[Finding]:
    """Yield what is wrong with topics on which nothing comes, the most definite first."""
    unpublished = [link for link in links if not link.publishers]
    if unpublished:
        topics = ', '.join(link.topic for link in unpublished)
        cause = NO_CALIBRATION if unpublished[0].is_calibration else NO_PUBLISHER
        yield Finding(
            cause, f'nothing publishes {topics}: start the camera driver, or remap '
            f'{unpublished[0].base} to its topic')
    for link in links:
        who = ', '.join(link.publishers)
        if link.other_type:
            yield Finding(
                WRONG_TYPE, f'{who} publishes {link.topic} as {link.other_type} but '
                f'{link.message_type} is wanted: remap {link.base}, or set input.transport')
        if link.misfit:
            yield Finding(
                QOS, f'{who} publishes {link.topic} with a quality of service that does not suit '
                f'this node ({one_line(link.misfit)}): change qos_overrides.{link.topic}'
                '.subscription.* or the publisher')
    for link in links:
        since = ('' if math.isinf(link.silence_s) else f' for {link.silence_s:.0f} s')
        yield Finding(
            NO_CALIBRATION if link.is_calibration else SILENT_PUBLISHER,
            f'{", ".join(link.publishers)} publishes {link.topic} but nothing came{since}: check '
            'that the camera streams (ros2 topic hz), and the network to its computer')


def _computing(seen: Observation) -> Finding | None:
    if seen.computing_s < GRACE_S:
        return None
    return Finding(
        COMPUTING, f'the network has worked on one frame for {seen.computing_s:.0f} s: take '
        'smaller weights or a faster device if that is too long', is_fault=False)


def _stamps(seen: Observation) -> Finding | None:
    if seen.gap_ms is None or seen.gap_ms <= seen.tolerance_ms:
        return None
    if seen.gap_ms > 1000.0:
        remedy = 'let both use one clock (use_sim_time, PTP, NTP)'
    else:
        remedy = 'trigger them together or raise sync.tolerance_ms'
    return Finding(
        STAMPS, f'images that belong together have stamps {seen.gap_ms:.0f} ms apart but '
        f'sync.tolerance_ms allows {seen.tolerance_ms:g}: {remedy}')


def _refused(seen: Observation) -> Finding | None:
    if seen.refusal is None:
        return None
    reason, topic, sentence = seen.refusal
    return Finding(
        _CAUSE_OF_REFUSAL.get(reason, REFUSED),
        f'all images were refused ({seen.refused} times, last {reason}), {topic}: '
        f'{one_line(sentence)}')


def _frames(seen: Observation) -> Finding | None:
    for topic, frame, other_topic, other_frame in seen.frame_pairs:
        if frame != other_frame:
            return Finding(
                FRAMES, f'{topic} is in frame {frame!r} but {other_topic} in {other_frame!r}, '
                'and they must show the same view: register one to the other in the driver, or '
                'correct its frame_id')
    return None


def _unmatched(seen: Observation) -> Finding | None:
    lost = {reason: count for reason, count in seen.dropped.items() if count}
    if not lost:
        return None
    words = ', '.join(f'{count} {reason}' for reason, count in sorted(lost.items()))
    return Finding(
        UNMATCHED, f'images arrive but none was used; dropped: {words}: check that every stamp '
        'is new and the rates of all inputs are alike')


def _nobody_listens(seen: Observation) -> Finding | None:
    if seen.listeners:
        return None
    if seen.listener_misfits:
        return Finding(
            QOS, f'nobody gets an output of this node: {one_line(seen.listener_misfits[0])}; '
            'change the quality of service of that subscription')
    return Finding(
        NOBODY_LISTENS, f'nobody subscribes to any output of {seen.node}, so that none is built: '
        'subscribe, e.g. in RViz, or remap what should listen', is_fault=False)


_Rule = Callable[[Observation], 'Finding | None']
_SILENCE: tuple[_Rule, ...] = (
    _disabled, _clock, _links, _computing, _stamps, _refused, _still_clock, _frames, _unmatched)
_ALWAYS: tuple[_Rule, ...] = (_clock, _frames, _nobody_listens)
