"""
Exceptions of the package.

SscError
├── ConfigurationError   a parameter or file says something impossible
├── CalibrationError     a camera calibration cannot be used
├── MessageError         a ROS message is malformed or of an unsupported kind
├── WeightsError         a weights bundle is missing, corrupt or does not fit
└── DataError            a data set, frame or bag is incomplete or inconsistent

Every message says what came, what was expected and what to do.
"""

from __future__ import annotations


class SscError(Exception):
    """Base of all errors that ssc_ros raises on purpose."""


class ConfigurationError(SscError):
    """A parameter or configuration file says something impossible."""


class CalibrationError(SscError):
    """A camera calibration cannot be used."""


class MessageError(SscError):
    """A ROS message is malformed or of an unsupported kind."""


class WeightsError(SscError):
    """A weights bundle is missing, corrupt or does not fit its configuration."""


class DataError(SscError):
    """A data set, frame or bag is incomplete or inconsistent."""
