"""Synchronisation of message streams, free of ROS: matching by stamp, newest-wins hand-over."""

from __future__ import annotations

from ssc_ros.sync.drops import DropCounter
from ssc_ros.sync.mailbox import Mailbox
from ssc_ros.sync.matcher import InputCounts, NearestStampMatcher

__all__ = ['DropCounter', 'InputCounts', 'Mailbox', 'NearestStampMatcher']
