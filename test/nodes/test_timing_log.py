from __future__ import annotations

import csv
import errno
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytestmark = pytest.mark.ros


def test_the_newest_frames_are_kept_and_become_csv_with_empty_cells():
    from ssc_ros.nodes.timing_log import TimingLog

    log = TimingLog(2)
    for number in range(4):
        stages = {'other': 1.0, 'total': 10.0 + number, 'decode': 2.5}
        if number == 3:
            del stages['decode']
        log.add(1000 + number, stages)
    assert len(log) == 2
    assert log.to_csv() == ('stamp_ns,decode_ms,total_ms,other_ms\n'
                            '1002,2.500,12.000,1.000\n1003,,13.000,1.000\n')
    log.clear()
    assert log.to_csv() == 'stamp_ns\n'


def test_topics_have_the_names_that_dashboards_know():
    from ssc_ros.nodes.stage_topics import stage_topic

    assert [stage_topic(stage) for stage in ('input_age', 'pipeline_latency', 'network')] == [
        '~/debug/input_age_ms', '~/debug/pipeline_latency_ms',
        '~/debug/processing_time/network_ms']


def process(graph, camera, node, pairs):
    for _ in range(pairs):
        before = node.totals.used['left']
        camera.send()
        graph.wait(lambda before=before: node.totals.used['left'] > before)


def write(graph):
    from std_srvs.srv import Trigger

    return graph.call(Trigger, '/stereo_node/write_timings')


def test_the_service_writes_the_last_frames_into_the_configured_folder(
        graph, camera, start_stereo, tmp_path):
    node = start_stereo(files_directory=str(tmp_path), timings__frames=3)
    camera.connect()
    assert not write(graph).success
    process(graph, camera, node, 5)
    answer = write(graph)
    path, = tmp_path.glob('stereo_node_timings_*.csv')
    assert answer.success and answer.message == f'3 frames written to {path}'
    rows = list(csv.DictReader(path.read_text().splitlines()))
    last = camera.stamp_ns - 100_000_000
    assert [int(row['stamp_ns']) for row in rows] == [last - 200_000_000, last - 100_000_000, last]
    for row in rows:
        assert float(row['total_ms']) >= float(row['decode_ms']) + float(row['publish_ms'])
    assert write(graph).success and len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_is_answered_and_leaves_no_half_file(
        graph, camera, start_stereo, tmp_path, monkeypatch):
    node = start_stereo(files_directory=str(tmp_path))
    camera.connect()
    process(graph, camera, node, 1)

    def fill(path, text, **options):
        path.open('w').close()
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Path, 'write_text', fill)
    answer = write(graph)
    assert not answer.success and 'No space left on device; make room' in answer.message
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert write(graph).success and node.state == 'active'


def test_reset_begins_a_new_log(graph, camera, start_stereo, tmp_path):
    from std_srvs.srv import Trigger

    node = start_stereo(files_directory=str(tmp_path))
    camera.connect()
    process(graph, camera, node, 1)
    assert graph.call(Trigger, '/stereo_node/reset').success
    assert write(graph).message == 'no frame was processed yet'


class FakeTime:
    """One clock for everything: wall, steady and ROS time move only by ``pass_ms``."""

    def __init__(self):
        self.now_ns = 5_000_000_000_000

    def pass_ms(self, duration_ms):
        self.now_ns += round(duration_ms * 1e6)

    def seconds(self):
        return self.now_ns / 1e9


class FakeNode:
    """As much of a node as a flow needs, on a fake clock and without a graph."""

    def __init__(self, clock):
        self._clock = clock

    def get_clock(self):
        return SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=self._clock.now_ns))

    def resolve_topic_name(self, name):
        return f'/{name}'

    def create_subscription(self, kind, topic, callback, qos, **options):
        return SimpleNamespace(topic_name=topic)

    def destroy_subscription(self, subscription):
        return True


class Steps:
    """A handler and a network that take known times."""

    name = 'steps'

    def __init__(self, clock):
        self.clock, self.sent_ns = clock, []
        self.build_ms = self.network_ms = self.publish_ms = 0.0

    def build(self, parts, watch):
        self.clock.pass_ms(self.build_ms)
        return parts, self.publish

    def __call__(self, frame):
        self.clock.pass_ms(self.network_ms)
        return SimpleNamespace(stage_ms={'network': self.network_ms})

    def publish(self, estimate):
        self.clock.pass_ms(self.publish_ms)
        self.sent_ns.append(self.clock.now_ns)

    def clear(self):
        pass

    def close(self):
        pass


@pytest.fixture
def clocked(monkeypatch):
    """Return a flow on a fake clock: the clock, its steps, the flow and what it tells."""
    import threading

    from ssc_ros.nodes import flow as flows
    from ssc_ros.nodes import timings as timing_module
    from ssc_ros.nodes.inputs import ImageInput
    from ssc_ros.nodes.ledger import Ledger
    from ssc_ros.nodes.reporting import ThrottledReporter
    from ssc_ros.nodes.settings import PerceptionParameters
    from ssc_ros.nodes.timing_log import TimingLog

    clock = FakeTime()
    monkeypatch.setattr(flows, 'monotonic', clock.seconds)
    monkeypatch.setattr(timing_module, 'perf_counter', clock.seconds)
    timings = timing_module.StageTimings(clock=clock.seconds)
    steps, log = Steps(clock), TimingLog(100)
    flow = flows.Flow(flows.FlowContext(
        node=FakeNode(clock), image_inputs=[ImageInput('rgb', 'rgb/image_rect')],
        parameters=PerceptionParameters, handler=steps, estimator=steps,
        estimator_lock=threading.Lock(),
        stages=SimpleNamespace(publish=lambda durations_ms: None), ledger=Ledger(['rgb']),
        timings=timings, timing_log=log,
        reporter=ThrottledReporter(lambda text: pytest.fail(text))))
    yield SimpleNamespace(clock=clock, steps=steps, flow=flow, timings=timings, log=log)
    flow.close()


def test_the_reported_times_are_those_that_an_outsider_measures(clocked):
    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.images import encode_image
    from ssc_ros.nodes.synchronization import ImageSet

    rng = np.random.default_rng(0)
    clock, steps, outside_ms = clocked.clock, clocked.steps, []
    for _ in range(40):
        transport, wait, steps.build_ms, steps.network_ms, steps.publish_ms = (
            rng.integers(1, 200, 5).tolist())
        stamp_ns = clock.now_ns
        image = encode_image(
            np.zeros((4, 6, 3), np.uint8), 'rgb8', make_header(stamp_ns, 'optical'))
        clock.pass_ms(transport)
        images = ImageSet(stamp_ns, {'rgb': image}, clock.seconds())
        clock.pass_ms(wait)
        clocked.flow._process(images)
        outside_ms.append((steps.sent_ns[-1] - stamp_ns) / 1e6)
        last = clocked.log._frames[-1][1]
        assert last == pytest.approx({
            'wait': wait, 'input_age': transport + wait, 'decode': 0.0,
            'network': steps.network_ms, 'publish': steps.publish_ms,
            'total': steps.build_ms + steps.network_ms + steps.publish_ms,
            'overhead': wait + steps.build_ms + steps.publish_ms,
            'pipeline_latency': outside_ms[-1]}, abs=0.01)
    summary = clocked.timings.summary()['pipeline_latency']
    recent = outside_ms[-summary.count:]
    assert (summary.p50, summary.p95, summary.maximum) == pytest.approx(
        tuple(np.percentile(recent, [50, 95, 100])), rel=1e-6)
    assert summary.count < 40  # more than ten seconds went by
