"""What leaves the player, in which order and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.bags import BagReader
from ssc_ros.bags.parts import BagTopic
from ssc_ros.bags.playback import Pace, lockstep_sets, pivot_topic, select_topics
from ssc_ros.bags.reader import BagMessage
from ssc_ros.errors import DataError

LEFT, RIGHT, INFO = '/left', '/right', '/info'
TYPES = {LEFT: 'sensor_msgs/msg/Image', RIGHT: 'sensor_msgs/msg/Image',
         INFO: 'sensor_msgs/msg/CameraInfo'}


def message(topic: str, time_ns: int) -> BagMessage:
    return BagMessage(topic, TYPES[topic], time_ns, b'')


def topics_of(sets: list[list[BagMessage]]) -> list[list[tuple[str, int]]]:
    return [[(item.topic, item.time_ns) for item in messages] for messages in sets]


def test_a_set_ends_with_its_pivot_after_all_other_images() -> None:
    stored = [message(LEFT, 1), message(RIGHT, 1), message(INFO, 1)]
    [played] = lockstep_sets(iter(stored), LEFT)
    assert [item.topic for item in played] == [INFO, RIGHT, LEFT]


def test_messages_of_the_same_time_stay_together_wherever_they_are_stored() -> None:
    stored = [message(INFO, 1), message(LEFT, 1), message(INFO, 2), message(LEFT, 2),
              message(RIGHT, 2)]
    assert topics_of(list(lockstep_sets(iter(stored), LEFT))) == [
        [(INFO, 1), (LEFT, 1)], [(INFO, 2), (RIGHT, 2), (LEFT, 2)]]


def test_messages_before_the_first_pivot_belong_to_its_set() -> None:
    stored = [message(INFO, 1), message(LEFT, 3), message(LEFT, 4)]
    assert topics_of(list(lockstep_sets(iter(stored), LEFT))) == [
        [(INFO, 1), (LEFT, 3)], [(LEFT, 4)]]


@given(st.lists(st.tuples(st.sampled_from(list(TYPES)), st.integers(0, 20)), max_size=40))
def test_no_message_is_lost_or_repeated(items: list[tuple[str, int]]) -> None:
    stored = [message(*item) for item in sorted(items, key=lambda item: item[1])]
    played = [item for messages in lockstep_sets(iter(stored), LEFT) for item in messages]
    assert sorted(map(repr, played)) == sorted(map(repr, stored))


def test_the_damage_of_a_bag_is_told_after_its_last_set() -> None:
    def damaged() -> Iterator[BagMessage]:
        yield message(LEFT, 1)
        raise DataError('cut')

    sets = lockstep_sets(damaged(), LEFT)
    assert topics_of([next(sets)]) == [[(LEFT, 1)]]
    with pytest.raises(DataError, match='cut'):
        next(sets)


def test_topics_are_selected_by_patterns(stereo_bag: Path) -> None:
    with BagReader(stereo_bag) as reader:
        names = [topic.name for topic in select_topics(reader, ['/odom', '*/camera_info'])]
        assert names == ['/odom', '/stereo/left/camera_info', '/stereo/right/camera_info']
        with pytest.raises(DataError, match=r'no topic of .* matches /nope'):
            select_topics(reader, ['/nope'])


def test_lockstep_begins_sets_with_the_first_image_topic_unless_told_otherwise() -> None:
    topics = [BagTopic(name, kind, 1) for name, kind in sorted(TYPES.items())]
    assert pivot_topic(topics) == LEFT
    assert pivot_topic(topics, RIGHT) == RIGHT
    with pytest.raises(DataError, match='lockstep_input'):
        pivot_topic(topics, '/nope')


def test_the_pace_follows_the_recording_and_the_rate() -> None:
    pace = Pace()
    assert pace.delay_s(5_000_000_000, 2.0, now_s=100.0) == 0.0
    assert pace.delay_s(6_000_000_000, 2.0, now_s=100.0) == pytest.approx(0.5)
    assert pace.delay_s(6_000_000_000, 2.0, now_s=103.0) == 0.0


def test_a_new_rate_counts_from_the_message_it_meets() -> None:
    pace = Pace()
    pace.delay_s(0, 1.0, now_s=0.0)
    assert pace.delay_s(1_000_000_000, 10.0, now_s=0.0) == 0.0
    assert pace.delay_s(2_000_000_000, 10.0, now_s=0.0) == pytest.approx(0.1)
