"""A bag leaves the player as it was recorded: every byte, in time, or in step with a consumer."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ssc_ros.bags import BagReader
from ssc_ros.errors import ConfigurationError

pytestmark = pytest.mark.ros

LEFT, RIGHT = '/stereo/left/image_rect_color', '/stereo/right/image_rect_color'


@pytest.fixture
def bag(rooms: ModuleType, tmp_path: Path) -> Path:
    return rooms.write_stereo_bag(tmp_path / 'bag', frames=4)


@pytest.fixture
def start_player(graph: Any, bag: Path) -> Callable[..., Any]:
    from rclpy.parameter import Parameter

    from ssc_ros.nodes.bag_player_node import BagPlayerNode

    def start(**parameters: Any) -> Any:
        values = {'bag': str(bag), 'at_end': 'idle', 'rate': 100.0, 'wait_for_subscribers': 1,
                  'wait_for_topics': [LEFT], 'settle_s': 0.2, **parameters}
        return graph.add(BagPlayerNode(parameter_overrides=[
            Parameter(name, value=value) for name, value in values.items()]))

    return start


def collect_raw(graph: Any, topic: str, message_type: Any) -> list[bytes]:
    received: list[bytes] = []
    graph.tester.create_subscription(message_type, topic, received.append, 50, raw=True)
    return received


def stored(bag: Path, topic: str) -> list[bytes]:
    with BagReader(bag) as reader:
        return [message.data for message in reader.messages([topic])]


def test_stored_bytes_are_published_unchanged_and_in_order(
    graph: Any, bag: Path, start_player: Callable[..., Any],
) -> None:
    from nav_msgs.msg import Odometry
    from sensor_msgs.msg import Image

    left, odometry = collect_raw(graph, LEFT, Image), collect_raw(graph, '/odom', Odometry)
    player = start_player(wait_for_topics=[LEFT, '/odom'])
    graph.wait(lambda: len(left) == 4 and len(odometry) == 4)
    assert left == stored(bag, LEFT)
    assert odometry == stored(bag, '/odom')
    assert player.published == 28


def test_the_recording_sets_the_pace(graph: Any, start_player: Callable[..., Any]) -> None:
    from sensor_msgs.msg import Image

    left = graph.collect(Image, LEFT)
    start_player(rate=1.0)
    left.wait(1)
    started = time.monotonic()
    left.wait(4)
    assert len(left.messages) == 4
    assert time.monotonic() - started == pytest.approx(0.3, abs=0.15)


def test_a_start_offset_and_a_selection_of_topics_are_respected(
    graph: Any, rooms: ModuleType, start_player: Callable[..., Any],
) -> None:
    from sensor_msgs.msg import Image

    from ssc_ros.messages.headers import stamp_ns

    left = graph.collect(Image, LEFT)
    player = start_player(start_offset_s=0.2, topics=['/stereo/left/image*'])
    left.wait(2)
    assert [stamp_ns(m.header.stamp) for m in left.messages] == [
        rooms.frame_stamp(2), rooms.frame_stamp(3)]
    graph.wait(lambda: player.published == 2)


def test_a_loop_begins_again_until_the_node_is_deactivated(
    graph: Any, start_player: Callable[..., Any],
) -> None:
    from sensor_msgs.msg import Image

    left = graph.collect(Image, LEFT)
    player = start_player(loop=True)
    assert len(left.wait(9)) >= 9
    assert graph.transition(player, 'deactivate')
    count = player.published
    time.sleep(0.2)
    assert player.published == count


def test_playing_goes_on_where_it_was_paused(
    graph: Any, bag: Path, start_player: Callable[..., Any],
) -> None:
    from sensor_msgs.msg import Image

    left = collect_raw(graph, LEFT, Image)
    player = start_player(rate=1.0)
    graph.wait(lambda: len(left) >= 1)
    assert graph.transition(player, 'deactivate')
    paused = len(left)
    assert paused < 4
    assert graph.transition(player, 'activate')
    graph.wait(lambda: len(left) == 4)
    assert left == stored(bag, LEFT)


def test_the_clock_runs_in_bag_time(
    graph: Any, rooms: ModuleType, start_player: Callable[..., Any],
) -> None:
    from rosgraph_msgs.msg import Clock
    from sensor_msgs.msg import Image

    from ssc_ros.messages.headers import stamp_ns

    clock, left = graph.collect(Clock, '/clock'), graph.collect(Image, LEFT)
    start_player(rate=1.0, clock_hz=50.0)
    left.wait(4)
    times = [stamp_ns(m.clock) for m in clock.messages]
    assert len(times) > 8
    assert rooms.frame_stamp(0) <= min(times)
    assert max(times) <= rooms.frame_stamp(4)
    assert times == sorted(times)


def test_in_lockstep_the_next_set_waits_for_the_answer_to_the_last(
    graph: Any, start_player: Callable[..., Any],
) -> None:
    from sensor_msgs.msg import CameraInfo, Image

    order: list[str] = []
    answers = graph.tester.create_publisher(Image, '/answer', 10)
    left = graph.collect(Image, LEFT)
    for topic, kind in ((RIGHT, Image), ('/stereo/left/camera_info', CameraInfo)):
        graph.tester.create_subscription(
            kind, topic, lambda _, name=topic: order.append(name), 10)
    player = start_player(
        lockstep_topic='/answer', settle_s=0.3,
        wait_for_topics=[LEFT, RIGHT, '/stereo/left/camera_info'])
    graph.wait(lambda: answers.get_subscription_count() == 1)
    for count in range(1, 5):
        [*_, newest] = left.wait(count)
        time.sleep(0.1)
        assert len(left.messages) == count
        answers.publish(Image(header=newest.header))
    graph.wait(lambda: player.published == 28)
    assert player.unanswered == 0
    assert order.index('/stereo/left/camera_info') < order.index(RIGHT)


def test_in_lockstep_a_missing_answer_only_costs_its_timeout(
    graph: Any, start_player: Callable[..., Any],
) -> None:
    from sensor_msgs.msg import Image

    left = graph.collect(Image, LEFT)
    player = start_player(lockstep_topic='/answer', lockstep_timeout_s=0.05)
    assert len(left.wait(4)) == 4
    graph.wait(lambda: player.unanswered == 4)


def test_a_cut_bag_is_played_to_the_cut(graph: Any, bag: Path, start_player) -> None:
    from sensor_msgs.msg import Image

    left = collect_raw(graph, LEFT, Image)
    whole = stored(bag, LEFT)
    [file] = bag.glob('*.mcap')
    with file.open('rb+') as stream:
        stream.truncate(file.stat().st_size * 3 // 4)
    player = start_player()
    graph.wait(lambda: len(left) >= 2)
    graph.wait(lambda: not player._thread.is_alive())
    assert left == whole[:len(left)]
    assert player.state == 'active'


@pytest.mark.parametrize(('name', 'message'), [
    ('', 'bag is not set'), ('/no/such/bag', 'does not exist')])
def test_a_missing_bag_leaves_the_node_unconfigured_with_the_reason(
    graph: Any, start_player: Callable[..., Any], name: str, message: str,
) -> None:
    player = start_player(bag=name)
    graph.wait(lambda: player.last_error)
    assert message in player.last_error
    assert player.state == 'unconfigured'


def test_it_waits_for_those_who_listen_to_the_answers(
    graph: Any, start_player: Callable[..., Any],
) -> None:
    from sensor_msgs.msg import Image

    left = graph.collect(Image, LEFT)
    player = start_player(
        lockstep_topic='/answers', wait_for_answer_subscribers=1, lockstep_timeout_s=0.05)
    time.sleep(0.6)
    assert player.published == 0
    graph.collect(Image, '/answers')
    left.wait(4)
    assert len(left.messages) == 4


def test_listeners_of_answers_need_a_topic_of_answers(
    start_player: Callable[..., Any],
) -> None:
    with pytest.raises(ConfigurationError, match='lockstep_topic, which is not set'):
        start_player(wait_for_answer_subscribers=1)
