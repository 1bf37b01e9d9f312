"""The node around a network: its states, services and diagnostics."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from time import monotonic
from typing import Any, TypeVar

from std_srvs.srv import SetBool, Trigger

from ssc_ros.memory import give_back_memory, spare_from_collection
from ssc_ros.nodes.class_topics import ClassTopics
from ssc_ros.nodes.compat import create_wall_timer
from ssc_ros.nodes.findings import Finding
from ssc_ros.nodes.flow import Flow, FlowContext, FrameHandler
from ssc_ros.nodes.health import Health
from ssc_ros.nodes.health_topic import HealthTopic
from ssc_ros.nodes.inputs import ImageInput
from ssc_ros.nodes.ledger import Ledger, LedgerTotals
from ssc_ros.nodes.lifecycle_node import SscLifecycleNode
from ssc_ros.nodes.memory_plan import MemoryPlan
from ssc_ros.nodes.model_loading import load_model
from ssc_ros.nodes.outputs import Output, OutputPublisher
from ssc_ros.nodes.reporting import ThrottledReporter
from ssc_ros.nodes.settings import PerceptionParameters
from ssc_ros.nodes.stage_topics import StagePublisher
from ssc_ros.nodes.timing_log import TimingLog, TimingService
from ssc_ros.nodes.timings import WINDOW_S, StageSummary, StageTimings
from ssc_ros.nodes.undoing import undone_on_failure
from ssc_ros.nodes.watchdog import diagnose
from ssc_ros.nodes.watchdog_senses import Senses
from ssc_ros.nodes.watchdog_voice import WatchdogVoice

WATCHDOG_PERIOD_S = 0.5

ParametersT = TypeVar('ParametersT', bound=PerceptionParameters)


class PerceptionNode(SscLifecycleNode[ParametersT]):
    """
    A node with one network; subclasses name their images and say what becomes of them.

    Attributes:
        image_inputs: the topics; the first one gives stamp and frame of all outputs.
        outputs: what it sends of every frame.
        reporter: logs what is wrong, once in a while.
    """

    image_inputs: tuple[ImageInput, ...]
    outputs: tuple[Output, ...]

    def __init__(
        self, name: str, parameters: type[ParametersT], *,
        load: Callable[..., Any], timings: StageTimings | None = None, **options: Any,
    ) -> None:
        super().__init__(name, parameters, **options)
        self._load = load
        self.reporter = ThrottledReporter(self.get_logger().warning)
        self._ledger = Ledger(spec.name for spec in self.image_inputs)
        self._timings = timings or StageTimings()
        self._timing_log = TimingLog(self.parameters.timings.frames)
        self._estimator: Any = None
        self._plan: MemoryPlan | None = None
        self._estimator_lock = threading.Lock()
        self._publisher: OutputPublisher | None = None
        self._stages: StagePublisher | None = None
        self._classes: ClassTopics | None = None
        self._flow: Flow | None = None
        self._is_enabled = True
        self._senses = Senses(self, self._ledger)
        self._voice = WatchdogVoice(self.get_logger)
        self._finding: Finding | None = None
        self.create_service(SetBool, '~/enable', self._serve_enable)
        self.create_service(Trigger, '~/reset', self._serve_reset)
        self._timing_service = TimingService(self, self._timing_log, self.confined_path)
        self._health_topic = HealthTopic(self, self._ledger, self._health)
        create_wall_timer(self, WATCHDOG_PERIOD_S, self._watch)

    @property
    def totals(self) -> LedgerTotals:
        """What became of every message since the node started."""
        return self._ledger.totals()

    @property
    def stage_summary(self) -> dict[str, StageSummary]:
        """Durations of the stages, as a rule over the last ten seconds."""
        return self._timings.summary()

    def forget_timings(self) -> None:
        """Begin a new measurement."""
        self._timings.clear()
        self._timing_log.clear()

    def write_timings(self) -> tuple[bool, str]:
        """Write the times of the last frames as ~/write_timings does; see ``TimingService``."""
        return self._timing_service.write()

    def create_handler(self, estimator: Any, publisher: OutputPublisher) -> FrameHandler:
        """Return what turns images into frames and publishes estimates, for one activation."""
        raise NotImplementedError

    def handle_configure(self) -> None:
        """Load the network, run it once, and announce the topics."""
        model = self.parameters.model
        started = monotonic()
        loaded = load_model(self._load, model)
        self._estimator, self._plan = loaded.estimator, loaded.plan
        self._publisher = OutputPublisher(self, self.reporter, self.outputs)
        self._stages = StagePublisher(self)
        self._classes = ClassTopics(self, self._estimator.label_space)
        self.get_logger().info(
            f'{model.weights} is ready on {self._estimator.device} '
            f'after {monotonic() - started:.1f} s')
        self.get_logger().info(loaded.plan.line())
        spare_from_collection()

    def handle_activate(self) -> None:
        """Listen, and tell what the ids of labels mean."""
        # All set by handle_configure.
        assert self._estimator is not None and self._publisher and self._stages and self._classes
        handler = self.create_handler(self._estimator, self._publisher)
        with undone_on_failure(handler.close):
            self._flow = Flow(FlowContext(
                node=self, image_inputs=self.image_inputs, parameters=lambda: self.parameters,
                handler=handler, estimator=self._estimator, estimator_lock=self._estimator_lock,
                stages=self._stages, ledger=self._ledger, timings=self._timings,
                timing_log=self._timing_log, reporter=self.reporter))
        self._flow.is_enabled = self._is_enabled
        sync = self.parameters.sync
        self.get_logger().info(
            f'listening to {", ".join(self._flow.topics)}; stamps of one set may differ by '
            f'{sync.tolerance_ms:g} ms ({sync.policy})')
        self._classes.publish()

    def handle_parameter_change(self) -> None:
        """Let the running flow take over what changed."""
        if self._flow is not None:
            self._flow.adapt()

    def handle_deactivate(self) -> None:
        """Stop listening and computing; the network stays loaded."""
        flow, self._flow = self._flow, None
        if flow is not None and not flow.close():
            self.get_logger().warning('the network still computes; its result will be discarded')

    def handle_cleanup(self) -> None:
        """Free the network and its memory, and take the topics away."""
        was_loaded, publishers = self._estimator is not None, (
            self._publisher, self._stages, self._classes)
        self._estimator = self._plan = self._publisher = self._stages = self._classes = None
        with ExitStack() as closing:  # all of them, even when one fails
            for publisher in publishers:
                if publisher is not None:
                    closing.callback(publisher.close)
        if was_loaded:
            give_back_memory()

    def _serve_enable(self, request: Any, response: Any) -> Any:
        self._is_enabled = bool(request.data)
        if self._flow is not None:
            self._flow.is_enabled = self._is_enabled
        response.success = True
        response.message = 'processing' if self._is_enabled else 'dropping all images'
        return response

    def _serve_reset(self, request: Any, response: Any) -> Any:
        if self._flow is not None:
            self._flow.clear()
        self.forget_timings()
        response.success, response.message = True, 'waiting images, poses and timings forgotten'
        return response

    def _watch(self) -> None:
        observation = self._senses.look(
            state=self.state, state_s=monotonic() - self.state_since_s, error=self.last_error,
            is_enabled=self._is_enabled, flow=self._flow,
            outputs=self._publisher.publishers if self._publisher else (),
            tolerance_ms=self.parameters.sync.tolerance_ms)
        self._finding = diagnose(observation)
        self._voice.tell(self._finding, observation)

    def _health(
        self, totals: LedgerTotals, dropped_lately: Mapping[str, int],
    ) -> tuple[Health, str]:
        model = self.parameters.model
        return Health(
            state=self.state, error=self.last_error, finding=self._finding, window_s=WINDOW_S,
            received=totals.received, used=totals.used, dropped=totals.dropped,
            dropped_lately=dropped_lately,
            topics=tuple(self._flow.topics) if self._flow else (),
            stages=self.stage_summary,
            details={'model': model.weights, 'precision': model.precision,
                     'enabled': str(self._is_enabled).lower(),
                     **({'memory': self._plan.line()} if self._plan else {}),
                     **self.network_details(),
                     **{f'{reason} on {topic}': str(count) for (reason, topic), count
                        in sorted(self.reporter.counts.items())}},
        ), self._estimator.device if self._estimator else 'none'

    def network_details(self) -> dict[str, str]:
        """Return what diagnostics tell of the loaded network beyond its name."""
        return {}
