"""Names of classes as vision_msgs/LabelInfo, where it is installed, and as JSON."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ssc_ros.labels import LabelSpace
from ssc_ros.labels.label_space import NO_COST
from ssc_ros.messages.classes import new_message


def has_label_info() -> bool:
    """Tell whether a vision_msgs with LabelInfo is installed; there is no wheel of it."""
    if find_spec('vision_msgs') is None:
        return False
    return hasattr(import_module('vision_msgs.msg'), 'LabelInfo')


def encode_label_info(label_space: LabelSpace, stamp: Any) -> Any:
    """
    Return a vision_msgs/LabelInfo with the id and the name of every class of a label image.

    Args:
        stamp: builtin_interfaces/Time.

    Raises:
        MessageError: vision_msgs is not installed.
    """
    message = new_message('vision_msgs/LabelInfo', class_map=[
        new_message('vision_msgs/VisionClass', class_id=index, class_name=label_space.names[index])
        for index in label_space.occupied_ids])
    message.header.stamp = stamp
    return message


def encode_class_table(label_space: LabelSpace) -> Any:
    """Return a std_msgs/String: JSON with name, ids, class names, RGB colours and costs."""
    costs = label_space.cost_table.tolist()
    classes = [
        {'id': index, 'name': label_space.names[index],
         'color': label_space.colors[index].tolist(),
         'cost': None if costs[index] == NO_COST else costs[index]}
        for index in label_space.occupied_ids]
    return new_message('std_msgs/String', data=json.dumps(
        {'label_space': label_space.name, 'unlabelled': 255, 'classes': classes}))
