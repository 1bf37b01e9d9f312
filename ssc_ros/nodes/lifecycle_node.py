"""The base of every node: managed states, parameters, autostart, and a clean end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from traceback import format_exc
from typing import Any, Generic, TypeVar

import rclpy
from rclpy.logging import get_logger

from ssc_ros.errors import ConfigurationError, SscError
from ssc_ros.nodes.compat import (
    STOP_EXCEPTIONS,
    LifecycleNode,
    LifecycleState,
    ParameterException,
    TransitionCallbackReturn,
    create_executor,
    create_wall_timer,
    shut_down,
    spin_until_shutdown,
)
from ssc_ros.nodes.node_parameters import NodeParameters
from ssc_ros.nodes.settings import LifecycleParameters
from ssc_ros.paths import confined_path

AUTOSTART_DELAY_S = 0.01

ParametersT = TypeVar('ParametersT', bound=LifecycleParameters)


class SscLifecycleNode(LifecycleNode, Generic[ParametersT]):
    """
    A managed node whose subclasses fill in four verbs.

    ``handle_configure`` acquires what is slow, ``handle_activate`` starts the flow at once,
    ``handle_deactivate`` stops it and keeps everything warm, ``handle_cleanup`` gives all back.
    The last two must accept being called twice and after a half-done first pair: an exception in
    configure or activate is logged, rolled back by them, and leaves the node in the state before.

    Attributes:
        state: ``unconfigured``, ``inactive``, ``active`` or ``finalized``.
        state_since_s: monotonic time at which it became so.
        last_error: why the last transition failed, empty after one that succeeded.
    """

    def __init__(self, name: str, parameters: type[ParametersT], **options: Any) -> None:
        super().__init__(name, **options)
        self._change_state('unconfigured')
        self.last_error = ''
        self._node_parameters = NodeParameters(
            self, parameters, state=lambda: self.state,
            refusal=self.refusal, on_change=self.handle_parameter_change)
        self._autostart_timer = (
            create_wall_timer(self, AUTOSTART_DELAY_S, self._autostart)
            if self.parameters.autostart else None)

    @property
    def parameters(self) -> ParametersT:
        """The current values; a consistent snapshot, safe to read from any thread."""
        return self._node_parameters.current

    def confined_path(self, name: str) -> Path:
        """
        Return the path of a file in ``files_directory``, for names that come over the network.

        Raises:
            ConfigurationError: the name leads out of it.
        """
        return confined_path(self.parameters.files_directory, name)

    def get_logger(self) -> Any:
        """Return the logger; after a signal one for the console, as /rosout is gone by then."""
        if self.context.ok():
            return super().get_logger()
        # A name without a publisher of its own; that of the node still has its dead one.
        return get_logger(f'{self.get_name()}.end')

    def handle_configure(self) -> None:
        """Acquire models and publishers; may take seconds."""

    def handle_activate(self) -> None:
        """Start subscriptions and work; returns at once."""

    def handle_deactivate(self) -> None:
        """Stop subscriptions and work."""

    def handle_cleanup(self) -> None:
        """Free what handle_configure acquired."""

    def refusal(self, parameters: ParametersT) -> str:
        """Return why values that are valid by themselves cannot be taken now, empty = they can."""
        return ''

    def handle_parameter_change(self) -> None:
        """React to live parameters; ``self.parameters`` holds the new values."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from unconfigured to inactive, or stay."""
        return self._enter(
            'inactive', self.handle_configure, partial(super().on_configure, state),
            roll_back=self.handle_cleanup)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from inactive to active, or stay."""
        # Publishers first: the flow may produce its first output before handle_activate returns.
        roll_back = partial(_both, self.handle_deactivate, partial(super().on_deactivate, state))
        return self._enter(
            'active', partial(super().on_activate, state), self.handle_activate,
            roll_back=roll_back)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from active to inactive; a failure leads to on_error."""
        return self._enter(
            'inactive', self.handle_deactivate, partial(super().on_deactivate, state))

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from inactive to unconfigured; a failure leads to on_error."""
        return self._enter(
            'unconfigured', self.handle_cleanup, partial(super().on_cleanup, state))

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go from any state to finalized."""
        return self._enter('finalized', self.close, partial(super().on_shutdown, state))

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything; the node ends unconfigured and can be configured again."""
        for release in (self.handle_deactivate, self.handle_cleanup):
            self._try(release)
        self._change_state('unconfigured')
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """Stop all work and free everything; safe in any state."""
        _both(self.handle_deactivate, self.handle_cleanup)

    def _try(self, release: Callable[[], object]) -> bool:
        """Return whether it went well; if not, it is logged."""
        try:
            release()
        except Exception:
            self.get_logger().error(f'while recovering:\n{format_exc()}')
            return False
        return True

    def _enter(
        self, target: str, *steps: Callable[[], Any],
        roll_back: Callable[[], object] | None = None,
    ) -> TransitionCallbackReturn:
        """Run the steps of a transition; rclpy itself would swallow what they raise."""
        try:
            for step in steps:
                result = step()
                if result not in (None, TransitionCallbackReturn.SUCCESS):
                    raise SscError(f'a managed entity returned {result}')
        except Exception as error:
            self._report_failure(target, error)
            if roll_back is not None and self._try(roll_back):
                return TransitionCallbackReturn.FAILURE
            return TransitionCallbackReturn.ERROR  # on_error frees everything
        self._change_state(target)
        self.last_error = ''
        return TransitionCallbackReturn.SUCCESS

    def _change_state(self, state: str) -> None:
        self.state, self.state_since_s = state, monotonic()

    def _report_failure(self, target: str, error: Exception) -> None:
        message = str(error) or repr(error)
        if not self.context.ok() and not isinstance(error, SscError):
            return  # a signal took the middleware away under the transition
        # Our own errors say what to do; of others only the traceback helps.
        details = message if isinstance(error, SscError) else format_exc()
        self.get_logger().error(f'cannot become {target} (now {self.state}): {details}')
        self.last_error = message

    def _autostart(self) -> None:
        timer, self._autostart_timer = self._autostart_timer, None
        if timer is not None:
            timer.cancel()
            self.destroy_timer(timer)
        success = TransitionCallbackReturn.SUCCESS
        if self.state == 'unconfigured' and self.trigger_configure() != success:
            return
        if self.state == 'inactive':
            self.trigger_activate()


def _both(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Call both, the second even when the first raises."""
    try:
        first()
    finally:
        second()


def run_node(
    create: Callable[[], SscLifecycleNode[Any]], args: Sequence[str] | None = None,
) -> int:
    """
    Run one node until Ctrl-C, SIGTERM or shutdown; the body of every executable.

    Returns:
        Exit code: 0 after a requested stop, 2 when the start-up parameters are impossible.
    """
    rclpy.init(args=None if args is None else list(args))
    node: SscLifecycleNode[Any] | None = None
    exit_code = 0
    try:
        node = create()
        executor = create_executor()
        executor.add_node(node)
        spin_until_shutdown(executor)
    except STOP_EXCEPTIONS:
        pass  # the signal came before the first callback
    except (ConfigurationError, ParameterException) as error:
        get_logger('ssc_ros').fatal(f'cannot start: {error}')
        exit_code = 2
    finally:
        with interrupts_ignored():
            if node is not None:
                node.close()
                node.destroy_node()
            shut_down()
    _leave_if_threads_hang(exit_code)
    return exit_code


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Let a second Ctrl-C, as launch files send one, not cut the cleanup short."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _leave_if_threads_hang(exit_code: int) -> None:
    """
    End the process at once when a worker still computes.

    A network call on a CPU may take many seconds and cannot be interrupted; letting the
    interpreter finalise under it would crash instead of exiting cleanly.
    """
    if any(thread.name.startswith('ssc_') and thread.is_alive()
           for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
