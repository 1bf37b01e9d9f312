"""What the class names of one taxonomy are called in another label space."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import IGNORE_ID, LabelSpace, load_label_space

MAP_FOLDER = Path(__file__).parent / 'maps'


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """
    A map from names to ids; names that it does not list have no class.

    Attributes:
        source: name of the taxonomy the names are of.
        target: the label space of the ids.
        ids: id by name, in lower case.
    """

    source: str
    target: LabelSpace
    ids: Mapping[str, int]

    def id_of(self, name: str) -> int:
        """
        Return the class of a name, 255 = none.

        Case, spaces at the ends, and synonyms after a semicolon or comma do not matter:
        `Windowpane; window` is `windowpane`.
        """
        return self.ids.get(_normal(name), IGNORE_ID)

    def table(self, names: Sequence[str]) -> NDArray[np.uint8]:
        """Return the (256,) look-up table of a taxonomy whose ids count through these names."""
        if len(names) > IGNORE_ID:
            raise ConfigurationError(f'{len(names)} classes do not fit into uint8 labels')
        table = np.full(256, IGNORE_ID, np.uint8)
        table[:len(names)] = [self.id_of(name) for name in names]
        return table

    def unlisted(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names that the map does not mention, not even as none."""
        return tuple(name for name in names if _normal(name) not in self.ids)


def _normal(name: str) -> str:
    return re.split('[;,]', name)[0].strip().lower().replace('_', ' ')


def available_class_maps() -> tuple[tuple[str, str], ...]:
    """Return (source, target) of the maps that are there."""
    pairs = (path.stem.split('_to_') for path in sorted(MAP_FOLDER.glob('*_to_*.yaml')))
    return tuple((source, target) for source, target in pairs)


def load_class_map(source: str, target: str) -> ClassMap:
    """
    Load `maps/<source>_to_<target>.yaml`, or the identity of a label space with itself.

    Raises:
        ConfigurationError: there is no such map, or it names a class that the target lacks.
    """
    space = load_label_space(target)
    places = {name: index for index, name in enumerate(space.names)}
    if source == target:
        return ClassMap(source, space, {_normal(name): index for name, index in places.items()})
    path = MAP_FOLDER / f'{source}_to_{target}.yaml'
    if not path.is_file():
        raise ConfigurationError(
            f'there is no class map from {source} to {target}: known are '
            f'{", ".join(f"{a} to {b}" for a, b in available_class_maps())}; add {path}')
    groups = yaml.safe_load(path.read_text(encoding='utf-8'))
    ids = dict[str, int]()
    for name, members in groups.items():
        if name != 'none' and name not in places:
            raise ConfigurationError(f'{path} names the class {name!r}, which {target} lacks: '
                                     f'its classes are {", ".join(space.names)}')
        for member in members:
            if _normal(member) in ids:
                raise ConfigurationError(f'{path} maps {member!r} twice')
            ids[_normal(member)] = places.get(name, IGNORE_ID)
    return ClassMap(source, space, ids)
