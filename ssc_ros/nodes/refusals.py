"""Why an input was not used: a reason to count, the topic and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ssc_ros.errors import CalibrationError, DataError, MessageError, SscError

# Reasons by which drops are counted; the matcher and the mailbox add theirs.
BAD_CALIBRATION = 'bad_calibration'
BAD_IMAGE = 'bad_image'
BAD_MESSAGE = 'bad_message'
BAD_STAMP = 'bad_stamp'
DISABLED = 'disabled'
ESTIMATOR_FAILED = 'estimator_failed'
INTERNAL_ERROR = 'internal_error'
NO_CALIBRATION = 'no_calibration'
NO_FRAME = 'no_frame'
NO_POSE = 'no_pose'
OUT_OF_MEMORY = 'out_of_memory'
RESET = 'reset'
STOPPED = 'stopped'
SUPERSEDED = 'superseded'
ZERO_STAMP = 'zero_stamp'

_REASON_OF_ERROR = {
    MessageError: BAD_MESSAGE, CalibrationError: BAD_CALIBRATION, DataError: BAD_IMAGE,
}


class RefusedInputError(Exception):
    """An input that cannot be used; ``str()`` says what came and what to do."""

    def __init__(self, reason: str, topic: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.topic = topic


@contextmanager
def refusing(topic: str, reason: str = '') -> Iterator[None]:
    """Turn our own errors into refusals that name ``topic``; no reason = by kind of error."""
    try:
        yield
    except SscError as error:
        kind = reason or _REASON_OF_ERROR.get(type(error), BAD_MESSAGE)
        raise RefusedInputError(kind, topic, str(error)) from error
