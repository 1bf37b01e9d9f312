"""Read and write rosbag2 bags (mcap, sqlite3) without a ROS installation."""

from __future__ import annotations

from ssc_ros.bags.reader import BagMessage, BagReader
from ssc_ros.bags.writer import BagWriter

__all__ = ['BagMessage', 'BagReader', 'BagWriter']
