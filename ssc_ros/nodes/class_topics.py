"""What the ids of a label image mean, sent once to whoever listens, now or later."""

from __future__ import annotations

from typing import Any

from ssc_ros.labels import LabelSpace
from ssc_ros.messages.classes import message_class
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.label_info import encode_class_table, encode_label_info, has_label_info
from ssc_ros.messages.legend import encode_legend
from ssc_ros.nodes.compat import LifecycleNode
from ssc_ros.nodes.qos import latched_qos, overridable
from ssc_ros.nodes.undoing import undone_on_failure

LABEL_INFO, CLASS_TABLE, LEGEND = '~/label_info', '~/classes', '~/legend'


class ClassTopics:
    """
    ``~/label_info`` (where vision_msgs is installed), ``~/classes`` (JSON), ``~/legend`` (image).

    Args:
        node: a configured lifecycle node; nothing leaves before it is active.
    """

    def __init__(self, node: LifecycleNode, label_space: LabelSpace) -> None:
        self._node = node
        self._label_space = label_space
        self._publishers: dict[str, Any] = {}
        with undone_on_failure(self.close):
            self._announce('std_msgs/String', CLASS_TABLE)
            self._announce('sensor_msgs/Image', LEGEND)
            if has_label_info():
                self._announce('vision_msgs/LabelInfo', LABEL_INFO)
        if LABEL_INFO not in self._publishers:
            node.get_logger().info(
                'vision_msgs is not installed: the classes are told on ~/classes only, not on '
                '~/label_info, which the semantic segmentation layer of Nav2 listens to')

    def _announce(self, message_type: str, topic: str) -> None:
        self._publishers[topic] = self._node.create_lifecycle_publisher(
            message_class(message_type), topic, latched_qos(), **overridable())

    def publish(self) -> None:
        """Send all; late joiners get them too."""
        space, stamp = self._label_space, self._node.get_clock().now()
        self._publishers[CLASS_TABLE].publish(encode_class_table(space))
        self._publishers[LEGEND].publish(encode_legend(space, make_header(stamp.nanoseconds, '')))
        if LABEL_INFO in self._publishers:
            self._publishers[LABEL_INFO].publish(encode_label_info(space, stamp.to_msg()))

    def close(self) -> None:
        """Take the topics away."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers = {}
