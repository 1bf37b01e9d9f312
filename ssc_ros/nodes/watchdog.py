"""Why nothing comes out: from what a node observes to one sentence with the remedy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from ssc_ros.nodes import refusals
from ssc_ros.nodes.findings import (
    CLOCK,
    COMPUTING,
    DISABLED,
    FRAMES,
    GRACE_S,
    INACTIVE,
    NO_CALIBRATION,
    NO_POSE,
    NO_PUBLISHER,
    NOBODY_LISTENS,
    NOT_LOADED,
    QOS,
    REFUSED,
    SILENT_PUBLISHER,
    STAMPS,
    UNMATCHED,
    WRONG_TYPE,
    Finding,
    Link,
    Observation,
)

_CAUSE_OF_REFUSAL = {
    refusals.BAD_CALIBRATION: NO_CALIBRATION, refusals.NO_CALIBRATION: NO_CALIBRATION,
    refusals.NO_POSE: NO_POSE,
}
_LONGEST_QUOTE = 400
_TRACEBACK = 'Traceback (most recent call last):'


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
