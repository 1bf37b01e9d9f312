"""Synthetic rooms as labelled images with exact depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import load_label_space
from ssc_ros.labels.numbering import class_names
from training.datasets.rooms import RoomFrames
from training.datasets.synthetic import load_room

from .image import LabelledImage, LabelledImages

# Names of the 12 classes that other spaces lack under them; the last two are no class of 37.
_NAMES = {'tvs': 'television', 'furn': 'otherfurniture', 'objs': 'otherprop'}


class RoomImages(LabelledImages):
    """
    The left images of synthetic rooms.

    Args:
        root: folder that `python -m training.datasets.synthetic` wrote.
        split: train, val or test.
        label_space: what the rooms' 12 classes are translated into; classes that it lacks are
            unlabelled.
    """

    def __init__(self, root: Path | str, split: str, label_space: str = 'nyu12') -> None:
        self.names = RoomFrames(root, split, views=1).paths
        self._table = official_ids(label_space)
        self.num_classes = len(class_names(load_label_space(label_space)))

    def read(self, name: Path) -> LabelledImage:
        """Read the room of a file."""
        room = load_room(name)
        return LabelledImage(
            name.stem, room.left, self._table[room.image_labels], room.depth_m,
            focal_length_px=room.camera.fx)


def official_ids(label_space: str) -> NDArray[np.uint8]:
    """
    Return the (256,) table from the 12 classes of rooms to ids of a space, 0 = unlabelled.

    >>> official_ids('nyu40')[[0, 1, 2, 255]].tolist()
    [0, 22, 2, 0]
    """
    rooms, target = load_label_space('nyu12'), load_label_space(label_space)
    table = np.zeros(256, np.uint8)
    if label_space == 'nyu12':
        table[:len(rooms)] = np.arange(len(rooms))
        return table
    if target.empty_id is not None:
        raise ConfigurationError(
            f'label space {label_space!r} is one of voxels: rooms give images in nyu12, nyu40 or '
            'sunrgbd37')
    ids = {name: index + 1 for index, name in enumerate(target.names)}
    for index in rooms.occupied_ids:
        name = rooms.names[index]
        table[index] = ids.get(name, ids.get(_NAMES.get(name, ''), 0))
    return table
