"""
Time the ways of sending 20,000 labelled voxels: message objects, CDR bytes, PointCloud2.

    python benchmarks/bench_messages.py [--voxels 20000] [--repeats 10]

A real publisher sends to one matched subscriber in a second process. Every row starts from the
label array (``scene``) or from the points already sorted by class (``message``) and ends when
``publish`` returns. Machines differ: read the ratios, they come from one run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import rclpy
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import MarkerArray

from ssc_ros.frames import SceneEstimate
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space
from ssc_ros.messages.clouds import encode_cloud, encode_cloud_bytes
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.markers import (
    VoxelMarkers,
    build_marker_array,
    encode_marker_array,
    voxel_markers,
)
from ssc_ros.messages.voxels import voxel_cloud

TOPICS = {'markers': MarkerArray, 'cloud': PointCloud2}
FRAME = 'camera'
ROUNDS = 5
Ways = dict[str, Callable[[], Any]]


def make_scene(num_voxels: int) -> SceneEstimate:
    """Return a scene of 60x36x60 voxels of which ``num_voxels`` are occupied."""
    random = np.random.default_rng(0)
    space = load_label_space('nyu12')
    placement = nyu_placement(level_camera_pose(height_m=1.4))
    labels = np.zeros(placement.grid.num_voxels, np.uint8)
    labels[random.permutation(labels.size)[:num_voxels]] = random.integers(
        1, len(space), num_voxels)
    shape = placement.grid.shape
    return SceneEstimate(
        labels=labels.reshape(shape), confidence=random.random(shape, np.float32),
        observed=random.random(shape) < 0.5, grid=placement.grid,
        T_camera_voxel=placement.T_camera_voxel, label_space=space, frame_id=FRAME,
        camera=PinholeCamera(500.0, 500.0, 319.5, 239.5, 480, 640))


def sort_by_class(scene: SceneEstimate) -> VoxelMarkers:
    """Return the cubes of the scene."""
    return voxel_markers(
        scene.labels, scene.grid, scene.label_space, T_frame_voxel=scene.T_camera_voxel,
        frame_id=FRAME, stamp_ns=1)


def build_coloured_marker_array(markers: VoxelMarkers) -> MarkerArray:
    """Build the array with a ColorRGBA per voxel, which carries what the cloud does."""
    array = build_marker_array(markers)
    for marker, cubes in zip(array.markers, markers.cubes, strict=True):
        red, green, blue, alpha = cubes.color
        marker.colors = [ColorRGBA(r=red, g=green, b=blue, a=alpha) for _ in marker.points]
    return array


def durations_ms(ways: Ways, repeats: int) -> dict[str, list[float]]:
    """Return the durations of every way, in alternating blocks as the machine's load changes."""
    durations: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            work()  # warm up
            for _ in range(repeats):
                start = time.perf_counter()
                work()
                durations[name].append(1000 * (time.perf_counter() - start))
            time.sleep(0.1)  # let the middleware empty its queues
    return durations


def measure(
    scene: SceneEstimate, publishers: dict[str, Any], repeats: int,
) -> dict[str, list[float]]:
    """Return the milliseconds that every way took, again and again."""
    markers, cloud = sort_by_class(scene), voxel_cloud(scene)
    header = make_header(1, FRAME)
    show, send = publishers['markers'].publish, publishers['cloud'].publish
    ways = {
        'message: Marker objects, coloured': lambda: show(build_coloured_marker_array(markers)),
        'message: Marker objects': lambda: show(build_marker_array(markers)),
        'message: Marker CDR bytes': lambda: show(encode_marker_array(markers)),
        'message: PointCloud2 object': lambda: send(encode_cloud(cloud, header)),
        'message: PointCloud2 CDR bytes': lambda: send(encode_cloud_bytes(cloud, header)),
        'scene: Marker objects': lambda: show(build_marker_array(sort_by_class(scene))),
        'scene: Marker CDR bytes': lambda: show(encode_marker_array(sort_by_class(scene))),
        'scene: PointCloud2 CDR bytes': lambda: send(
            encode_cloud_bytes(voxel_cloud(scene), header)),
    }
    return durations_ms(ways, repeats)


def wait_for_subscribers(publishers: dict[str, Any], timeout_s: float = 30.0) -> None:
    """Return when every publisher has a matched subscriber."""
    deadline = time.monotonic() + timeout_s
    while not all(publisher.get_subscription_count() for publisher in publishers.values()):
        if time.monotonic() > deadline:
            raise SystemExit('no subscriber appeared: is DDS traffic on this machine allowed?')
        time.sleep(0.05)


def subscribe() -> None:
    """Receive both topics as bytes until killed."""
    rclpy.init()
    node = rclpy.create_node('bench_messages_subscriber')
    for topic, message_type in TOPICS.items():
        node.create_subscription(message_type, topic, lambda _: None, 1, raw=True)
    rclpy.spin(node)


def print_table(results: dict[str, list[float]], num_voxels: int) -> None:
    """Print medians, and the best runs, which other processes disturbed least."""
    repeats = len(next(iter(results.values())))
    print(f'{num_voxels} voxels, {repeats} runs, build and publish; ms, and times faster')
    print(f'{"way":34} {"median":>8} {"faster":>8} {"best":>8} {"faster":>8}')
    for name, values in results.items():
        slow = results[name.split(':')[0] + ': Marker objects']
        cells = [
            f'{of(values):8.3f} {of(slow) / of(values):8.1f}' for of in (statistics.median, min)]
        print(f'{name:34}', *cells)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--voxels', type=int, default=20_000)
    parser.add_argument('--repeats', type=int, default=10,
                        help=f'runs in each of {ROUNDS} rounds')
    parser.add_argument('--subscribe', action='store_true', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.subscribe:
        subscribe()
        return
    subscriber = subprocess.Popen([sys.executable, __file__, '--subscribe'])
    rclpy.init()
    try:
        node = rclpy.create_node('bench_messages')
        publishers = {name: node.create_publisher(kind, name, 1) for name, kind in TOPICS.items()}
        wait_for_subscribers(publishers)
        results = measure(make_scene(arguments.voxels), publishers, arguments.repeats)
    finally:
        subscriber.kill()
        rclpy.try_shutdown()
    print_table(results, arguments.voxels)


if __name__ == '__main__':
    main()
