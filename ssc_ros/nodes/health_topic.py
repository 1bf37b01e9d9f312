"""Diagnostics of a perception node, once a second in every state."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rclpy.node import Node

from ssc_ros.messages.classes import message_class
from ssc_ros.nodes.compat import create_wall_timer
from ssc_ros.nodes.health import Health, encode_health
from ssc_ros.nodes.ledger import Ledger, LedgerTotals
from ssc_ros.nodes.qos import output_qos

DIAGNOSTICS_TOPIC = '/diagnostics'
DIAGNOSTICS_PERIOD_S = 1.0


class HealthTopic:
    """
    Publishes the health of a node as a diagnostic_msgs/DiagnosticArray.

    Args:
        look: returns the health and the device of the network, given all counts and the drops
            since the last report; called only while somebody listens.
    """

    def __init__(
        self, node: Node, ledger: Ledger,
        look: Callable[[LedgerTotals, Mapping[str, int]], tuple[Health, str]],
    ) -> None:
        self._node = node
        self._ledger = ledger
        self._look = look
        self._dropped_before: Mapping[str, int] = {}
        self._publisher = node.create_publisher(
            message_class('diagnostic_msgs/DiagnosticArray'), DIAGNOSTICS_TOPIC, output_qos(10))
        create_wall_timer(node, DIAGNOSTICS_PERIOD_S, self._publish)

    def _publish(self) -> None:
        totals, before = self._ledger.totals(), self._dropped_before
        self._dropped_before = totals.dropped
        if not self._publisher.get_subscription_count():
            return
        lately = {reason: count - before.get(reason, 0)
                  for reason, count in totals.dropped.items()}
        health, hardware_id = self._look(totals, lately)
        self._publisher.publish(encode_health(
            health, f'{self._node.get_fully_qualified_name()}: perception', hardware_id,
            self._node.get_clock().now().to_msg()))
