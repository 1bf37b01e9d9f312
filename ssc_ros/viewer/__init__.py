"""
See a scene without RViz: recordings, pictures and a browser page.

``recording`` needs only the core dependencies; ``pictures`` and ``server`` need the extra
``ssc_ros[viewer]`` and say so when it is missing.
"""

from __future__ import annotations

from ssc_ros.viewer.recorded_frame import RecordedFrame
from ssc_ros.viewer.recording import Recording

__all__ = ['RecordedFrame', 'Recording']
