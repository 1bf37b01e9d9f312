"""
Time the ways of sending 20,000 labelled voxels: cubes as objects and bytes, mesh, PointCloud2.

    python benchmarks/bench_messages.py [--voxels 20000] [--repeats 10] [--labels scene.npy]

The scene is a furnished room of solid blocks, or a label array of the NYU box in a file. A real
publisher sends to one matched subscriber in a second process. Every row starts from the label
array (``scene``) or from the points already sorted by class (``message``) and ends when
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
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import MarkerArray

from ssc_ros.frames import SceneEstimate
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space
from ssc_ros.memory import keep_freed_memory
from ssc_ros.messages.clouds import POINT_CLOUD, encode_cloud
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.marker_parts import cube_parts, mesh_parts
from ssc_ros.messages.markers import MARKER_ARRAY, MarkerPart, Markers, build_marker_array
from ssc_ros.messages.voxels import occupied_mask, surface_mask, voxel_cloud

TOPICS = {'markers': MarkerArray, 'cloud': PointCloud2}
FRAME = 'camera'
SPACE = load_label_space('nyu12')
ROUNDS = 5
Ways = dict[str, Callable[[], Any]]


def furnished_room(num_voxels: int) -> NDArray[np.uint8]:
    """Return (60, 36, 60) labels: floor, two walls, and blocks until so many are occupied."""
    random = np.random.default_rng(0)
    labels = np.zeros((60, 36, 60), np.uint8)
    labels[:, :2], labels[:2], labels[:, :, -3:] = (
        SPACE.names.index(name) for name in ('floor', 'wall', 'wall'))
    while (excess := np.count_nonzero(labels) - num_voxels) < 0:
        x, z, height, width, depth = random.integers((5, 5, 4, 4, 4), (50, 50, 18, 16, 16))
        block = labels[x:x + width, 2:2 + height, z:z + depth]
        added = np.argwhere(block == 0)[:-excess]
        block[tuple(added.T)] = random.integers(5, len(SPACE))
    return labels


def make_scene(labels: NDArray[np.uint8]) -> SceneEstimate:
    """Return labels of the NYU box as a scene."""
    random = np.random.default_rng(0)
    placement = nyu_placement(level_camera_pose(height_m=1.4))
    shape = placement.grid.shape
    return SceneEstimate(
        labels=labels, confidence=random.random(shape, np.float32),
        observed=random.random(shape) < 0.5, grid=placement.grid,
        T_camera_voxel=placement.T_camera_voxel, label_space=SPACE, frame_id=FRAME,
        camera=PinholeCamera(500.0, 500.0, 319.5, 239.5, 480, 640))


def cubes(scene: SceneEstimate, *, surface_only: bool = False) -> Markers:
    """Return the voxels of a scene as cubes, as the nodes do."""
    is_shown = occupied_mask(scene.labels, SPACE)
    if surface_only:
        is_shown = surface_mask(is_shown)
    return as_markers(scene, cube_parts(scene.labels, scene.grid, SPACE, is_shown))


def mesh(scene: SceneEstimate) -> Markers:
    """Return the visible faces of a scene, merged, as the nodes do."""
    is_shown = occupied_mask(scene.labels, SPACE)
    return as_markers(scene, mesh_parts(scene.labels, scene.grid, SPACE, is_shown))


def as_markers(scene: SceneEstimate, parts: tuple[MarkerPart, ...]) -> Markers:
    """Return markers where the scene is."""
    return Markers(parts, 1, FRAME, scene.T_camera_voxel)


def build_coloured_marker_array(markers: Markers) -> MarkerArray:
    """Build the array with a ColorRGBA per voxel, which carries what the cloud does."""
    array = build_marker_array(markers)
    for marker, part in zip(array.markers, markers.parts, strict=True):
        red, green, blue, alpha = part.color
        marker.colors = [ColorRGBA(r=red, g=green, b=blue, a=alpha) for _ in marker.points]
    return array


def durations_ms(ways: Ways, repeats: int) -> dict[str, list[float]]:
    """Return the durations of every way, in alternating blocks as the machine's load changes."""
    durations: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            work()  # warm up
            for _ in range(repeats):
                start = time.thread_time()
                work()
                durations[name].append(1000 * (time.thread_time() - start))
            time.sleep(0.1)  # let the middleware empty its queues
    return durations


def measure(
    scene: SceneEstimate, publishers: dict[str, Any], repeats: int,
) -> dict[str, list[float]]:
    """Return the milliseconds that every way took, again and again."""
    markers, triangles, cloud = cubes(scene), mesh(scene), voxel_cloud(scene)
    header = make_header(1, FRAME)
    show, send = publishers['markers'].publish, publishers['cloud'].publish
    ways = {
        'message: Marker objects, coloured': lambda: show(build_coloured_marker_array(markers)),
        'message: Marker objects': lambda: show(build_marker_array(markers)),
        'message: Marker CDR bytes': lambda: show(MARKER_ARRAY.encode(markers)),
        'message: mesh CDR bytes': lambda: show(MARKER_ARRAY.encode(triangles)),
        'message: PointCloud2 object': lambda: send(encode_cloud(cloud, header)),
        'message: PointCloud2 CDR bytes': lambda: send(POINT_CLOUD.encode(cloud, header)),
        'scene: Marker objects': lambda: show(build_marker_array(cubes(scene))),
        'scene: Marker CDR bytes': lambda: show(MARKER_ARRAY.encode(cubes(scene))),
        'scene: Marker CDR bytes, surface': lambda: show(
            MARKER_ARRAY.encode(cubes(scene, surface_only=True))),
        'scene: mesh CDR bytes': lambda: show(MARKER_ARRAY.encode(mesh(scene))),
        'scene: PointCloud2 CDR bytes': lambda: send(
            POINT_CLOUD.encode(voxel_cloud(scene), header)),
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


def print_sizes(scene: SceneEstimate) -> None:
    """Print what viewers get to draw, and how many bytes it takes."""
    for name, markers, per_point in (
            ('cubes', cubes(scene), 12), ('cubes, surface', cubes(scene, surface_only=True), 12),
            ('mesh', mesh(scene), 1 / 3)):
        points = sum(len(part.points) for part in markers.parts)
        print(f'{name:34} {round(points * per_point):8} triangles '
              f'{len(MARKER_ARRAY.encode(markers)):9} bytes')


def print_table(results: dict[str, list[float]]) -> None:
    """Print medians, and the best runs, which other processes disturbed least."""
    repeats = len(next(iter(results.values())))
    print(f'{repeats} runs, build and publish; ms, and times faster')
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
    parser.add_argument('--labels', type=Path,
                        help='(60, 36, 60) uint8 nyu12 labels in a .npy file')
    parser.add_argument('--subscribe', action='store_true', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.subscribe:
        subscribe()
        return
    keep_freed_memory()
    scene = make_scene(np.load(arguments.labels) if arguments.labels
                       else furnished_room(arguments.voxels))
    print(f'{np.count_nonzero(occupied_mask(scene.labels, SPACE))} voxels')
    print_sizes(scene)
    subscriber = subprocess.Popen([sys.executable, __file__, '--subscribe'])
    rclpy.init()
    try:
        node = rclpy.create_node('bench_messages')
        publishers = {name: node.create_publisher(kind, name, 1) for name, kind in TOPICS.items()}
        wait_for_subscribers(publishers)
        results = measure(scene, publishers, arguments.repeats)
    finally:
        subscriber.kill()
        rclpy.try_shutdown()
    print_table(results)


if __name__ == '__main__':
    main()
