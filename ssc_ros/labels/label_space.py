"""Load label spaces from YAML and apply them to arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError, DataError

IGNORE_ID = 255
NO_COST, MAX_COST = -1, 100


@dataclass(frozen=True, eq=False)
class LabelSpace:
    """
    Class names, colours and id maps of one label space.

    Attributes:
        name: short name, e.g. ``nyu12``.
        names: class names; the index is the label id.
        colors: (N, 3) uint8 RGB display colours.
        empty_id: id of free space in voxel spaces, None in image spaces.
        maps: foreign id tables: ``maps[source][foreign_id]`` is the id here, 255 = ignore.
        class_weights: (N,) float32 cross-entropy weights, ones where the paper has none.
        persistence: (N,) float32, how much longer than an average thing a class stays where it
            is; maps that fuse estimates over time forget accordingly.
        costs: (N,) int64, of driving there for a robot on the ground, 0 = free to 100 = never;
            -1 = not said of the class, as it may hang above the robot.
        ignore_color: RGB of unlabelled pixels and voxels.
    """

    name: str
    names: tuple[str, ...]
    colors: NDArray[np.uint8]
    empty_id: int | None
    maps: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    class_weights: NDArray[np.float32] | None = None
    persistence: NDArray[np.float32] | None = None
    costs: NDArray[np.int64] | None = None
    ignore_color: tuple[int, int, int] = (153, 153, 153)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def occupied_ids(self) -> tuple[int, ...]:
        """Ids that mean matter: all but the empty one."""
        return tuple(i for i in range(len(self)) if i != self.empty_id)

    @property
    def palette(self) -> NDArray[np.uint8]:
        """(256, 3) uint8 RGB look-up table; ids outside the space get ``ignore_color``."""
        table = np.empty((256, 3), np.uint8)
        table[:] = self.ignore_color
        table[:len(self)] = self.colors
        return table

    @property
    def persistence_table(self) -> NDArray[np.float32]:
        """(256,) float32 ``persistence`` by label id; 1 where none is given."""
        table = np.ones(256, np.float32)
        if self.persistence is not None:
            table[:len(self)] = self.persistence
        return table

    @property
    def cost_table(self) -> NDArray[np.int8]:
        """(256,) int8 ``costs`` by label id; -1 where none is given."""
        table = np.full(256, NO_COST, np.int8)
        if self.costs is not None:
            table[:len(self)] = self.costs
        return table

    def colorize(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """
        Return the (..., 3) uint8 RGB picture of an array of label ids.

        >>> load_label_space('nyu12').colorize(np.array([[1]], np.uint8)).tolist()
        [[[214, 38, 40]]]
        """
        return self.palette[labels]

    def remap(self, ids: NDArray[Any], source: str) -> NDArray[np.uint8]:
        """
        Translate ids of another space into this one, 255 = ignore.

        Raises:
            ConfigurationError: no map from ``source`` is known.
            DataError: an id lies outside the map (255 always stays 255 where it is not mapped).
        """
        labels, is_foreign = self._looked_up(ids, source)
        if is_foreign.any():
            raise DataError(
                f'id {int(np.asarray(ids)[is_foreign].flat[0])} is outside the {source!r} map of '
                f'{self.name!r} (0..{len(self.maps[source]) - 1} and 255): check which id set the '
                'file uses')
        return labels

    def remap_known(self, ids: NDArray[Any], source: str) -> tuple[NDArray[np.uint8], int]:
        """
        Translate ids of a file that is known to hold stray ones, as ScanNet's are.

        Returns:
            the ids here, and how many cells held an id outside the map; those are 255.

        Raises:
            ConfigurationError: no map from ``source`` is known.

        >>> labels, strays = load_label_space('scannet15').remap_known(np.array([1, 149]), 'nyu40')
        >>> labels.tolist(), strays
        ([0, 255], 1)
        """
        labels, is_foreign = self._looked_up(ids, source)
        return labels, int(is_foreign.sum())

    def _looked_up(
        self, ids: NDArray[Any], source: str,
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return ids here, 255 for those outside the map, and where these are."""
        if source not in self.maps:
            raise ConfigurationError(
                f'label space {self.name!r} has no map from {source!r}; '
                f'known sources: {", ".join(sorted(self.maps)) or "none"}')
        table = self.maps[source]
        indices = np.asarray(ids)
        is_outside = (indices < 0) | (indices >= len(table))
        labels = np.append(table, np.uint8(IGNORE_ID))[
            np.where(is_outside, len(table), indices).astype(np.int64)]
        return labels, is_outside & (indices != IGNORE_ID)


def available_label_spaces() -> tuple[str, ...]:
    """Return the names of the label spaces that ship with the package."""
    folder = resources.files('ssc_ros.labels') / 'spaces'
    return tuple(sorted(p.name[:-5] for p in folder.iterdir() if p.name.endswith('.yaml')))


@lru_cache(maxsize=32)
def load_label_space(name_or_path: str) -> LabelSpace:
    """
    Load a shipped label space by name or any YAML file by path.

    >>> load_label_space('nyu12').names[2]
    'floor'
    """
    if name_or_path in available_label_spaces():
        text = (resources.files('ssc_ros.labels') / 'spaces' / f'{name_or_path}.yaml').read_text()
    elif Path(name_or_path).is_file():
        text = Path(name_or_path).read_text()
    else:
        raise ConfigurationError(
            f'label space {name_or_path!r} is neither a shipped one '
            f'({", ".join(available_label_spaces())}) nor a YAML file')
    return _parse(yaml.safe_load(text), name_or_path)


def _parse(document: Any, origin: str) -> LabelSpace:
    try:
        classes = document['classes']
        names = tuple(str(entry['name']) for entry in classes)
        colors = np.array([entry['color'] for entry in classes], np.uint8).reshape(-1, 3)
        weights = np.array([entry.get('weight', 1.0) for entry in classes], np.float32)
        persistence = np.array([entry.get('persistence', 1.0) for entry in classes], np.float32)
        costs = np.array([entry.get('cost', NO_COST) for entry in classes], np.int64)
        maps = {
            source: np.array(table, np.uint8)
            for source, table in document.get('maps', {}).items()
        }
        space = LabelSpace(str(document['name']), names, colors, document.get('empty_id'), maps,
                           weights, persistence, costs)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f'label space file {origin} is malformed ({error!r}): it needs name, empty_id and '
            'classes, a list of {name, color: [r, g, b]}') from error
    _check(space, origin)
    return space


def _check(space: LabelSpace, origin: str) -> None:
    if not 0 < len(space) <= IGNORE_ID:
        raise ConfigurationError(f'{origin}: {len(space)} classes; 1 to 255 fit into uint8 labels')
    if len(set(space.names)) != len(space):
        raise ConfigurationError(f'{origin}: class names repeat')
    if not np.all(space.persistence_table > 0):
        raise ConfigurationError(f'{origin}: persistence must be positive, .inf = for ever')
    if space.costs is not None and not np.all(
            (space.costs >= NO_COST) & (space.costs <= MAX_COST)):
        raise ConfigurationError(f'{origin}: costs are 0 = free to {MAX_COST} = never')
    for source, table in space.maps.items():
        is_wrong = (table >= len(space)) & (table != IGNORE_ID)
        if is_wrong.any():
            raise ConfigurationError(
                f'{origin}: map {source!r} contains id {int(table[is_wrong][0])} but the space '
                f'has {len(space)} classes')
