"""Stage durations as ~/debug topics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssc_ros.messages.classes import message_class
from ssc_ros.nodes.compat import LifecycleNode
from ssc_ros.nodes.qos import output_qos
from ssc_ros.nodes.undoing import undone_on_failure

STAGES = {
    'input_age': 'age of the image when its processing began',
    'wait': 'from the arrival of the last image of a set until its processing began',
    'decode': 'messages to a rectified frame',
    'pose': 'waiting for and looking up the camera pose',
    'prepare': 'resizing and projection tables',
    'network': 'the network itself',
    'finish': 'scores to labels, confidences and the view of the camera',
    'fuse': 'laying the estimate into the fused map, a part of publish',
    'integrate': 'fusing a frame into the map of mapping_node',
    'complete': 'completing a part of that map: copying, network, keeping; in its own thread',
    'publish': 'building and sending what is subscribed to',
    'total': 'from the begin of processing until the last output was sent',
    'overhead': 'wait and total without the network',
    'pipeline_latency': 'age of the image when the last output was sent',
}
# Ages go by names of their own, as in other perception stacks, so that dashboards know them.
_AGES = ('input_age', 'pipeline_latency')


def stage_topic(stage: str) -> str:
    """Return the topic of a stage."""
    return f'~/debug/{stage}_ms' if stage in _AGES else f'~/debug/processing_time/{stage}_ms'


class StagePublisher:
    """One std_msgs/Float64 topic per stage, sent only while subscribed to."""

    def __init__(self, node: LifecycleNode) -> None:
        self._node = node
        self._float = message_class('std_msgs/Float64')
        self._publishers: dict[str, Any] = {}
        with undone_on_failure(self.close):
            for stage in STAGES:
                self._publishers[stage] = node.create_lifecycle_publisher(
                    self._float, stage_topic(stage), output_qos(10))

    def publish(self, durations_ms: Mapping[str, float]) -> None:
        """Send the stages of one frame."""
        for stage, duration_ms in durations_ms.items():
            publisher = self._publishers.get(stage)
            if publisher is not None and publisher.get_subscription_count():
                publisher.publish(self._float(data=float(duration_ms)))

    def close(self) -> None:
        """Take the topics away."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers = {}
