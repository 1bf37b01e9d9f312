"""``ssc_ros view``: see a recording or a live node in the browser."""

from __future__ import annotations

from ssc_ros.viewer.command import add_arguments, run

__all__ = ['add_arguments', 'run']
