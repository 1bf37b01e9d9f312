"""What the ids of a label image mean, sent once to whoever listens, now or later."""

from __future__ import annotations

from typing import Any

from ssc_ros.labels import LabelSpace
from ssc_ros.messages.classes import message_class
from ssc_ros.messages.label_info import encode_class_table, encode_label_info, has_label_info
from ssc_ros.nodes.compat import LifecycleNode
from ssc_ros.nodes.qos import latched_qos, overridable
from ssc_ros.nodes.undoing import undone_on_failure

LABEL_INFO, CLASS_TABLE = '~/label_info', '~/classes'


class ClassTopics:
    """
    ``~/label_info`` (vision_msgs/LabelInfo, where it is installed) and ``~/classes`` (JSON).

    Args:
        node: a configured lifecycle node; nothing leaves before it is active.
    """

    def __init__(self, node: LifecycleNode, label_space: LabelSpace) -> None:
        self._node = node
        self._label_space = label_space
        self._table = self._create('std_msgs/String', CLASS_TABLE)
        self._info: Any = None
        if has_label_info():
            with undone_on_failure(self.close):
                self._info = self._create('vision_msgs/LabelInfo', LABEL_INFO)
        else:
            node.get_logger().info(
                'vision_msgs is not installed: the classes are told on ~/classes only, not on '
                '~/label_info, which the semantic segmentation layer of Nav2 listens to')

    def _create(self, message_type: str, topic: str) -> Any:
        return self._node.create_lifecycle_publisher(
            message_class(message_type), topic, latched_qos(), **overridable())

    def publish(self) -> None:
        """Send both; late joiners get them too."""
        self._table.publish(encode_class_table(self._label_space))
        if self._info is not None:
            self._info.publish(encode_label_info(
                self._label_space, self._node.get_clock().now().to_msg()))

    def close(self) -> None:
        """Take the topics away."""
        for publisher in (self._table, self._info):
            if publisher is not None:
                self._node.destroy_lifecycle_publisher(publisher)
