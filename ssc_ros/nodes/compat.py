"""What differs between ROS 2 distributions (Humble to Lyrical), in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible

try:
    from rclpy.impl.implementation_singleton import rclpy_implementation as _implementation

    RCLError: type[Exception] = _implementation.RCLError
except (ImportError, AttributeError):  # the private module may move
    RCLError = RuntimeError

__all__ = [
    'STOP_EXCEPTIONS', 'ExternalShutdownException', 'LifecycleNode', 'LifecycleState',
    'ParameterException', 'RCLError', 'TransitionCallbackReturn',
    'create_executor', 'create_wall_timer', 'misfit_of', 'on_parameter_changes', 'shut_down',
    'spin_until_shutdown', 'type_name',
]

# Ctrl-C arrives as one or the other, depending on the distribution and on who spins (rclpy#1166).
STOP_EXCEPTIONS = (KeyboardInterrupt, ExternalShutdownException)
_SIGNAL_S = 1.0


def create_executor() -> Any:
    """Return the executor that runs callbacks; all our work happens in a thread of its own."""
    return SingleThreadedExecutor()


def spin_until_shutdown(executor: Any) -> None:
    """Run callbacks until Ctrl-C, SIGTERM or a shutdown of rclpy; none of these is an error."""
    try:
        executor.spin()
    except STOP_EXCEPTIONS:
        pass
    except RuntimeError:
        # The signal handler may take the context away under a callback or between two waits, and
        # a Ctrl-C while rclpy converts a message leaves it as this; its own errors are such, too.
        if not _is_stopping():
            raise


def _is_stopping() -> bool:
    """Tell whether rclpy was asked to stop, which its signal handler takes a moment to say."""
    deadline = time.monotonic() + _SIGNAL_S
    while rclpy.ok() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not rclpy.ok()


def create_wall_timer(node: Node, period_s: float, callback: Callable[[], None]) -> Any:
    """Create a timer that also ticks while a simulated clock stands still."""
    return node.create_timer(
        period_s, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))


def misfit_of(publisher_qos: QoSProfile, subscription_qos: QoSProfile) -> str:
    """
    Return why nothing can pass from a publisher to a subscription, empty = it can.

    The graph is asked instead of waiting for incompatible-QoS events: their classes moved after
    Humble, not every middleware sends them, and none says that the trouble is over.
    """
    compatibility, reason = qos_check_compatible(publisher_qos, subscription_qos)
    # A policy that the middleware does not tell gives a warning.
    is_misfit = compatibility == QoSCompatibility.ERROR
    return reason.removeprefix('ERROR: ').rstrip('; ') if is_misfit else ''


def type_name(message_class: Any) -> str:
    """Return the name of a message class as the graph tells it, e.g. sensor_msgs/msg/Image."""
    return f'{message_class.__module__.split(".")[0]}/msg/{message_class.__name__}'


def on_parameter_changes(
    node: Node,
    validate: Callable[[Sequence[Parameter[Any]]], str],
    apply: Callable[[Sequence[Parameter[Any]]], None],
) -> None:
    """
    Ask ``validate`` before parameters change and tell ``apply`` afterwards.

    Args:
        validate: returns the reason for refusing the change, empty = accept.
        apply: called with the accepted parameters. Humble has no callback for that moment, so
            there it runs at the end of the validation.
    """
    from rcl_interfaces.msg import SetParametersResult

    has_post_set = hasattr(node, 'add_post_set_parameters_callback')

    def check(parameters: list[Parameter[Any]]) -> Any:
        reason = validate(parameters)
        if not reason and not has_post_set:
            apply(parameters)
        return SetParametersResult(successful=not reason, reason=reason)

    node.add_on_set_parameters_callback(check)
    if has_post_set:
        node.add_post_set_parameters_callback(apply)


def shut_down() -> None:
    """Shut rclpy down unless a signal handler already did."""
    # Before Kilted a shutdown that races with the signal handler raises.
    with suppress(RCLError):
        rclpy.try_shutdown()
