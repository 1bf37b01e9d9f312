"""Quality of service of every topic, overridable by the usual qos_overrides parameters."""

from __future__ import annotations

from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

CAMERA_DEPTH = 5


def sensor_qos(depth: int = CAMERA_DEPTH) -> QoSProfile:
    """Return best effort, which hears reliable and best-effort publishers alike."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE)


def output_qos(depth: int = 5) -> QoSProfile:
    """Return reliable: it matches every subscriber, and large messages survive lossy links."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.VOLATILE)


def latched_qos() -> QoSProfile:
    """Return reliable and transient local: late joiners get the last message (REP-2003)."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL)


def overridable() -> dict[str, Any]:
    """Return the keyword argument that declares ``qos_overrides.<topic>...`` parameters."""
    return {'qos_overriding_options': QoSOverridingOptions.with_default_policies()}
