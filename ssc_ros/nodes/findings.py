"""What a watchdog sees, and what it may find: the values that its parts pass on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

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
