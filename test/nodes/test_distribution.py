"""The distribution that these tests meant to run on, and its strictest checks, are in force."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros

PINS = {'jazzy': 'test/environments/jazzy.txt', '': 'constraints.txt'}


@pytest.fixture
def pins(root: Path) -> dict[str, str]:
    """Return the pinned version of every ROS wheel of this environment."""
    try:
        version('ros-rclpy')
    except PackageNotFoundError:
        pytest.skip('rclpy is of a ROS installation, not a pinned wheel')
    lines = (root / PINS[os.environ.get('SSC_ROS_ENVIRONMENT', '')]).read_text().splitlines()
    return dict(line.split('==') for line in lines if line.startswith('ros-'))


def test_the_wheels_are_those_of_one_distribution(pins):
    assert {name: version(name) for name in pins} == pins


def test_every_loaded_ros_module_comes_from_this_environment(pins):
    import rclpy
    import sensor_msgs.msg
    import visualization_msgs.msg  # noqa: F401

    packages = {name.removeprefix('ros-').replace('-', '_') for name in pins}
    loaded = {module.__file__ for name, module in sys.modules.items()
              if name.partition('.')[0] in packages and getattr(module, '__file__', None)}
    assert rclpy.__file__ in loaded and sensor_msgs.msg.__file__ in loaded
    assert [path for path in loaded if not Path(path).is_relative_to(sys.prefix)] == []


def test_messages_check_what_is_assigned_to_their_fields():
    from sensor_msgs.msg import Image

    with pytest.raises(AssertionError):
        Image(height='tall')
