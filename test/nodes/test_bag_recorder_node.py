"""What the recorder hears is in the bag, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssc_ros.bags import BagReader

pytestmark = pytest.mark.ros


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_matching_topics_are_recorded_as_soon_as_they_appear(
    graph: Any, tmp_path: Path, storage: str,
) -> None:
    from rclpy.parameter import Parameter
    from rclpy.qos import qos_profile_sensor_data
    from rclpy.serialization import serialize_message
    from sensor_msgs.msg import Image
    from std_msgs.msg import Float64

    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.images import encode_image
    from ssc_ros.nodes.bag_recorder_node import BagRecorderNode

    recorder = graph.add(BagRecorderNode(parameter_overrides=[
        Parameter('bag', value=str(tmp_path / 'bag')), Parameter('storage', value=storage),
        Parameter('topics', value=['/kept/*'])]))
    graph.wait(lambda: recorder.state == 'active')
    images = graph.tester.create_publisher(Image, '/kept/image', qos_profile_sensor_data)
    numbers = graph.tester.create_publisher(Float64, '/kept/number', 10)
    others = graph.tester.create_publisher(Float64, '/other', 10)
    graph.wait(lambda: images.get_subscription_count() and numbers.get_subscription_count())
    assert others.get_subscription_count() == 0
    message = encode_image(np.ones((3, 4), np.uint8), 'mono8', make_header(7, 'camera'))
    images.publish(message)
    numbers.publish(Float64(data=1.5))
    graph.wait(lambda: recorder._writer.message_count == 2)
    for label in ('deactivate', 'cleanup'):
        assert graph.transition(recorder, label)
    with BagReader(tmp_path / 'bag') as reader:
        recorded = {item.topic: item for item in reader.messages()}
    assert recorded.keys() == {'/kept/image', '/kept/number'}
    assert recorded['/kept/number'].decode().data == 1.5
    assert recorded['/kept/image'].data[4:12] == serialize_message(message)[4:12]
    assert recorded['/kept/image'].decode().data.tolist() == [1] * 12


def test_a_missing_bag_parameter_is_said(graph: Any) -> None:
    from ssc_ros.nodes.bag_recorder_node import BagRecorderNode

    recorder = graph.add(BagRecorderNode())
    graph.wait(lambda: recorder.last_error)
    assert 'bag is not set' in recorder.last_error
