"""A graph of real nodes over loopback DDS, and a stereo camera to feed it."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

TIMEOUT_S = 30.0
SIZE = (48, 64)
FRAME_ID = 'left_optical_frame'
PERIOD_NS = 100_000_000
FIRST_STAMP_NS = 1_000_000_000_000


class Collector:
    """Everything that arrived on one topic."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self._changed = threading.Condition()

    def add(self, message: Any) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def wait(self, count: int = 1, timeout_s: float = TIMEOUT_S) -> list[Any]:
        with self._changed:
            self._changed.wait_for(lambda: len(self.messages) >= count, timeout_s)
            return list(self.messages)

    def clear(self) -> None:
        with self._changed:
            self.messages.clear()


class Graph:
    """Nodes under test and a tester node, spun by a thread."""

    def __init__(self) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.node import Node

        self.tester = Node('tester')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.tester)
        self._nodes: list[Any] = []
        self._is_running = True
        self._ok = rclpy.ok
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        while self._is_running and self._ok():
            self._executor.spin_once(timeout_sec=0.05)

    def add(self, node: Any) -> Any:
        self._nodes.append(node)
        self._executor.add_node(node)
        return node

    def wait(self, condition: Callable[[], Any], timeout_s: float = TIMEOUT_S) -> Any:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            result = condition()
            if result:
                return result
            time.sleep(0.005)
        raise AssertionError('timed out')

    def collect(self, message_type: Any, topic: str, depth: int = 50) -> Collector:
        from rclpy.qos import QoSProfile

        collector = Collector()
        self.tester.create_subscription(
            message_type, topic, collector.add, QoSProfile(depth=depth))
        return collector

    def call(self, service_type: Any, name: str, request: Any = None) -> Any:
        client = self.tester.create_client(service_type, name)
        assert client.wait_for_service(TIMEOUT_S)
        done = threading.Event()
        future = client.call_async(service_type.Request() if request is None else request)
        future.add_done_callback(lambda _: done.set())
        assert done.wait(TIMEOUT_S)
        return future.result()

    def transition(self, node: Any, label: str) -> bool:
        """Ask for a lifecycle transition as a manager does."""
        from lifecycle_msgs.srv import ChangeState

        request = ChangeState.Request()
        request.transition.label = label
        name = f'{node.get_fully_qualified_name()}/change_state'
        return bool(self.call(ChangeState, name, request).success)

    def set_parameter(self, node: Any, name: str, value: Any) -> Any:
        """Set a parameter as ``ros2 param set`` does; returns the result with its reason."""
        from rcl_interfaces.srv import SetParameters
        from rclpy.parameter import Parameter

        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg()])
        service = f'{node.get_fully_qualified_name()}/set_parameters'
        return self.call(SetParameters, service, request).results[0]

    def close(self) -> None:
        self._is_running = False
        self._thread.join()
        for node in self._nodes:
            node.close()
            node.destroy_node()
        self.tester.destroy_node()
        self._executor.shutdown()


class StereoCamera:
    """Publishes rectified pairs with rising stamps."""

    def __init__(self, graph: Graph, *, compressed: bool = False) -> None:
        from sensor_msgs.msg import CameraInfo, CompressedImage, Image

        suffix = '/compressed' if compressed else ''
        image_type = CompressedImage if compressed else Image
        self._graph = graph
        self._compressed = compressed
        self.images = {side: graph.tester.create_publisher(
            image_type, f'{side}/image_rect{suffix}', 5) for side in ('left', 'right')}
        self.infos = {side: graph.tester.create_publisher(
            CameraInfo, f'{side}/camera_info', 5) for side in ('left', 'right')}
        self.stamp_ns = FIRST_STAMP_NS
        self.size = SIZE
        self.pairs_sent = 0

    def connect(self) -> None:
        """Wait until the node listens to all topics."""
        publishers = [*self.images.values(), *self.infos.values()]
        self._graph.wait(lambda: all(item.get_subscription_count() for item in publishers))

    def header(self) -> Any:
        from ssc_ros.messages.headers import make_header

        return make_header(self.stamp_ns, FRAME_ID)

    def image(self, side: str) -> Any:
        from ssc_ros.messages.compressed import encode_compressed_image
        from ssc_ros.messages.images import encode_image

        pixels = np.full((*self.size, 3), 100 if side == 'left' else 50, np.uint8)
        if self._compressed:
            return encode_compressed_image(pixels, self.header())
        return encode_image(pixels, 'rgb8', self.header())

    def info(self, side: str) -> Any:
        from ssc_ros.geometry.calibration import CameraCalibration
        from ssc_ros.messages.camera_info import encode_camera_info

        height, width = self.size
        K = np.array([[50.0, 0, (width - 1) / 2], [0, 50.0, (height - 1) / 2], [0, 0, 1]])
        P = np.hstack([K, [[-5.0 if side == 'right' else 0.0], [0], [0]]])
        return encode_camera_info(
            CameraCalibration(width=width, height=height, K=K, D=np.zeros(5), R=np.eye(3), P=P),
            self.header())

    def send_info(self, **replacements: Any) -> None:
        for side, publisher in self.infos.items():
            publisher.publish(replacements.get(side) or self.info(side))

    def send_images(self, **replacements: Any) -> int:
        """Send a pair, or what replaces a side; returns its stamp."""
        for side, publisher in self.images.items():
            publisher.publish(replacements.get(side) or self.image(side))
        self.pairs_sent += 1
        stamp_ns, self.stamp_ns = self.stamp_ns, self.stamp_ns + PERIOD_NS
        return stamp_ns

    def send(self) -> int:
        """Send calibrations and a pair."""
        self.send_info()
        return self.send_images()


@pytest.fixture(scope='session')
def _rclpy() -> Iterator[None]:
    rclpy = pytest.importorskip('rclpy')
    with warnings.catch_warnings():
        # Its parser imports modules that newer Python versions deprecate.
        warnings.simplefilter('ignore', DeprecationWarning)
        import rosidl_generator_py  # noqa: F401
    if not rclpy.ok():  # test/faults uses these fixtures, too
        rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture(scope='session')
def make_graph(_rclpy: None) -> Callable[[], Graph]:
    """Return a maker of graphs that outlive a test; who makes one closes it."""
    return Graph


@pytest.fixture
def graph(_rclpy: None) -> Iterator[Graph]:
    graph = Graph()
    yield graph
    graph.close()


@pytest.fixture
def camera(graph: Graph) -> StereoCamera:
    return StereoCamera(graph)


@pytest.fixture
def compressed_camera(graph: Graph) -> StereoCamera:
    return StereoCamera(graph, compressed=True)


@pytest.fixture
def make_estimator() -> Callable[[], Any]:
    """Return a maker of dummy networks whose behaviour a test can script."""
    from ssc_ros.models.estimator import DummyEstimator

    class ScriptedEstimator(DummyEstimator):
        def __init__(self) -> None:
            super().__init__()
            self.frames: list[Any] = []
            self.error: Exception | None = None
            self.may_finish = threading.Event()
            self.may_finish.set()
            self.warm_ups = 0

        def warm_up(self) -> None:
            self.warm_ups += 1

        def __call__(self, frame: Any) -> Any:
            self.frames.append(frame)
            if not self.may_finish.wait(TIMEOUT_S):
                raise TimeoutError('the test never let the network finish')
            if self.error is not None:
                raise self.error
            return super().__call__(frame)

    return ScriptedEstimator


@pytest.fixture
def estimator(make_estimator: Callable[[], Any]) -> Any:
    return make_estimator()


@pytest.fixture
def start_stereo(graph: Graph, estimator: Any) -> Callable[..., Any]:
    """Return a starter of stereo nodes; keyword arguments are parameters, ``__`` = dot."""
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.stereo_node import StereoNode

    def start(**parameters: Any) -> Any:
        overrides = [Parameter(name.replace('__', '.'), value=value)
                     for name, value in parameters.items()]
        node = graph.add(StereoNode(
            load=lambda *args, **kwargs: estimator, parameter_overrides=overrides))
        if parameters.get('autostart', True):
            graph.wait(lambda: node.state == 'active')
        return node

    return start


@pytest.fixture
def stereo(start_stereo: Callable[..., Any], camera: StereoCamera) -> Any:
    """Return an active stereo node that hears the camera and knows its calibration."""
    node = start_stereo()
    camera.connect()
    return node


@pytest.fixture(scope='session')
def rgbd_replays(root: Path, load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the module that replays bags of RGB-D frames through rgbd_node."""
    return load_module(root / 'test/nodes/rgbd_replays.py')


@pytest.fixture(scope='session')
def kinect_bag(
    rgbd_replays: ModuleType, shared_data: Path, tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return a bag of the one NYU frame whose depth image is public."""
    bag: Path = rgbd_replays.write_kinect_bag(
        shared_data, tmp_path_factory.mktemp('kinect') / 'bag')
    return bag
