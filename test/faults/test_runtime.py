"""A running node survives what happens to robots: nothing crashes, everything is counted."""

from __future__ import annotations

import gc
import signal
import threading
import time
import weakref

import numpy as np
import pytest

pytestmark = pytest.mark.ros
HOUR_NS = 3600 * 10**9


def expect_used(graph, camera, stereo):
    """Send a pair; it must become a frame."""
    before = stereo.totals.used['left']
    camera.send()
    graph.wait(lambda: stereo.totals.used['left'] == before + 1)


def settled(graph, stereo):
    """Return the counts once nothing waits any more."""
    graph.wait(lambda: stereo.totals.pending == 0)
    return stereo.totals


def reset(graph, stereo):
    """Let what waits for a partner be counted."""
    from std_srvs.srv import Trigger

    assert graph.call(Trigger, '/stereo_node/reset').success


class TestMemory:
    def out_of_memory(self):
        torch = pytest.importorskip('torch')
        return torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.\nmore')

    def test_a_gpu_without_memory_costs_the_frame_and_frees_the_cache_before_the_next(
            self, graph, camera, stereo, estimator, monkeypatch, capfd):
        import torch

        class Tensors:
            """Stands for what the network held when it failed."""

        held = []
        found_at_release = []

        def fail(frame):
            tensors = Tensors()
            held.append(weakref.ref(tensors))
            raise self.out_of_memory()

        gc.disable()
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
        monkeypatch.setattr(
            torch.cuda, 'empty_cache', lambda: found_at_release.append(held[-1]()))
        call = type(estimator).__call__
        monkeypatch.setattr(type(estimator), '__call__', lambda self, frame: fail(frame))
        for _ in range(3):
            camera.send()
            graph.wait(lambda: stereo.totals.received['right'] == camera.pairs_sent)
            settled(graph, stereo)
        gc.enable()
        assert stereo.totals.dropped == {'out_of_memory': 6}
        assert found_at_release == [None] * 3
        warnings = [line for line in capfd.readouterr().err.splitlines()
                    if '(out_of_memory' in line]
        assert warnings and all('smaller weights' in line for line in warnings)
        monkeypatch.setattr(type(estimator), '__call__', call)
        expect_used(graph, camera, stereo)

    @pytest.mark.parametrize('error', [
        MemoryError(), RuntimeError('[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: ...')])
    def test_a_processor_without_memory_is_the_same(
            self, graph, camera, stereo, estimator, error):
        estimator.error = error
        camera.send()
        graph.wait(lambda: stereo.totals.dropped == {'out_of_memory': 2})
        estimator.error = None
        expect_used(graph, camera, stereo)

    def test_a_gpu_too_small_for_the_network_leaves_the_node_unconfigured(
            self, graph, start_stereo, estimator, monkeypatch):
        node = start_stereo(autostart=False)
        with monkeypatch.context() as patch:
            patch.setattr(estimator, 'warm_up', self.raise_out_of_memory, raising=False)
            assert not graph.transition(node, 'configure')
        assert node.state == 'unconfigured' and 'out of memory' in node.last_error
        assert graph.transition(node, 'configure')

    def raise_out_of_memory(self):
        raise self.out_of_memory()


class TestTime:
    def test_stamps_may_jump_both_ways(self, graph, camera, stereo):
        for jump_ns in (0, HOUR_NS, -HOUR_NS, 100 * HOUR_NS, -99 * HOUR_NS, -HOUR_NS // 2):
            camera.stamp_ns += jump_ns
            for _ in range(3):
                expect_used(graph, camera, stereo)
        assert settled(graph, stereo).dropped == {}

    def test_one_stamp_from_the_far_future_does_not_stop_the_rest(self, graph, camera, stereo):
        expect_used(graph, camera, stereo)
        image = camera.image('left')
        image.header.stamp.sec = 2**31 - 1
        camera.send_info()
        camera.images['left'].publish(image)
        graph.wait(lambda: stereo.totals.received['left'] == 2)
        camera.send()  # a bag that loops looks the same: this pair clears the stray image
        graph.wait(lambda: stereo.totals.received == {'left': 3, 'right': 2})
        graph.wait(lambda: stereo.totals.pending < 2)  # the pair itself is under way no more
        for _ in range(5):
            expect_used(graph, camera, stereo)
        assert set(settled(graph, stereo).dropped) <= {'reset', 'superseded', 'unmatched'}

    def test_impossible_nanoseconds_are_refused_at_the_door(self, graph, camera, stereo):
        image = camera.image('left')
        image.header.stamp.nanosec = 4 * 10**9
        camera.send_images(left=image)
        graph.wait(lambda: stereo.totals.dropped.get('bad_stamp') == 1)
        expect_used(graph, camera, stereo)

    def test_a_bag_that_loops_is_seen_again_from_its_first_frame_on(
            self, graph, camera, stereo):
        first_ns = camera.stamp_ns
        for _ in range(3):
            camera.stamp_ns = first_ns
            for _ in range(20):  # two seconds of the bag
                expect_used(graph, camera, stereo)
        totals = settled(graph, stereo)
        assert totals.used == {'left': 60, 'right': 60} and totals.dropped == {}


class TestOverload:
    PERIOD_S = 0.4

    def test_five_times_too_many_images_are_counted_and_the_newest_is_seen(
            self, graph, camera, stereo, estimator, monkeypatch):
        ages_s = []

        def compute(_, frame):
            ages_s.append(time.time() - frame.stamp_ns / 1e9)
            time.sleep(self.PERIOD_S)
            return call(estimator, frame)

        call = type(estimator).__call__
        monkeypatch.setattr(type(estimator), '__call__', compute)
        camera.send_info()
        started = time.monotonic()
        for count in range(60):
            camera.stamp_ns = time.time_ns()
            camera.send_images()
            time.sleep(max(0.0, started + (count + 1) * self.PERIOD_S / 5 - time.monotonic()))
        totals = settled(graph, stereo)
        assert totals.received == {'left': 60, 'right': 60}
        assert set(totals.dropped) == {'superseded'} and totals.used['left'] >= 5
        assert sum(totals.used.values()) + totals.dropped['superseded'] == 120
        assert max(ages_s) < 2 * self.PERIOD_S, ages_s


class TestServices:
    def test_a_network_that_computes_holds_up_neither_deactivation_nor_cleanup(
            self, graph, camera, stereo, estimator):
        estimator.may_finish.clear()
        camera.send()
        graph.wait(lambda: estimator.frames)
        started = time.monotonic()
        assert graph.transition(stereo, 'deactivate') and graph.transition(stereo, 'cleanup')
        assert time.monotonic() - started < 10.0
        estimator.may_finish.set()
        totals = settled(graph, stereo)
        assert totals.dropped == {'stopped': 2} and totals.used == {'left': 0, 'right': 0}
        assert graph.transition(stereo, 'configure') and graph.transition(stereo, 'activate')
        camera.connect()
        expect_used(graph, camera, stereo)


class TestNeighbours:
    def test_a_camera_that_is_killed_and_comes_back_is_heard_again(
            self, graph, stereo, start_process):
        used = 0
        for _ in range(2):
            process = start_process('stereo_camera')
            graph.wait(lambda used=used: stereo.totals.used['left'] > used + 3, 60.0)
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            time.sleep(0.3)
            used = stereo.totals.used['left']
        assert stereo.state == 'active'
        reset(graph, stereo)
        settled(graph, stereo)

    def test_a_subscriber_that_is_killed_takes_nothing_with_it(
            self, graph, camera, stereo, start_process):
        from sensor_msgs.msg import PointCloud2

        process = start_process('listener')
        graph.wait(lambda: graph.tester.count_subscribers('/stereo_node/voxels/points'), 60.0)
        for _ in range(5):
            expect_used(graph, camera, stereo)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        for _ in range(20):
            expect_used(graph, camera, stereo)
        clouds = graph.collect(PointCloud2, '/stereo_node/voxels/points')
        graph.wait(lambda: stereo.count_subscribers('/stereo_node/voxels/points'))
        graph.wait(lambda: expect_used(graph, camera, stereo) or clouds.messages)
        assert settled(graph, stereo).dropped == {}


class TestWeights:
    @pytest.fixture
    def bundle(self, tmp_path):
        torch = pytest.importorskip('torch')
        from ssc_ros.weights import save_bundle

        folder = tmp_path / 'bundle'
        save_bundle(folder, {'label_space': 'nyu12'}, {'w': torch.ones(1000)}, 'card')
        return folder

    @pytest.fixture
    def start(self, graph, estimator, bundle, monkeypatch):
        """Return a starter of a node that reads a real bundle for a scripted network."""
        from rclpy.parameter import Parameter

        from ssc_ros.nodes.stereo_node import StereoNode
        from ssc_ros.weights import find_bundle, load_state

        def load(weights, **options):
            load_state(find_bundle(weights))
            return estimator

        node = graph.add(StereoNode(
            load=load, parameter_overrides=[Parameter('model.weights', value=str(bundle))]))
        graph.wait(lambda: node.state == 'active')
        return node

    @pytest.mark.parametrize('damage', ['truncate', 'swap', 'remove', 'garbage'])
    def test_a_file_damaged_under_a_running_node_is_refused_when_it_is_read_again(
            self, graph, camera, start, bundle, damage):
        camera.connect()
        expect_used(graph, camera, start)
        weights = bundle / 'model.safetensors'
        whole = weights.read_bytes()
        if damage == 'remove':
            weights.unlink()
        else:
            weights.write_bytes({'truncate': whole[:100], 'garbage': b'\0' * len(whole),
                                 'swap': whole[::-1]}[damage])
        expect_used(graph, camera, start)
        assert graph.transition(start, 'deactivate') and graph.transition(start, 'cleanup')
        assert not graph.transition(start, 'configure')
        assert start.state == 'unconfigured' and str(weights) in start.last_error
        weights.write_bytes(whole)
        assert graph.transition(start, 'configure') and graph.transition(start, 'activate')
        camera.connect()
        expect_used(graph, camera, start)


class TestThreads:
    def test_many_activations_leave_no_thread_behind(self, graph, camera, stereo):
        expect_used(graph, camera, stereo)
        before = threading.active_count()
        for _ in range(25):
            assert graph.transition(stereo, 'deactivate') and graph.transition(stereo, 'activate')
        camera.connect()
        expect_used(graph, camera, stereo)
        graph.wait(lambda: threading.active_count() <= before)
        assert np.isfinite(stereo.stage_summary['total'].maximum)
