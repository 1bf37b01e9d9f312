"""Which volume a reconstruction network reads, and whose surface it is scored on (S4R)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from ssc_ros.errors import ConfigurationError

Completeness = Literal['incomplete', 'complete']
VolumeT = TypeVar('VolumeT')


@dataclass(frozen=True, slots=True)
class Protocol:
    """
    One way to score a network that was trained to complete scenes.

    Attributes:
        reads: volume that the network gets.
        scored_on: volume whose surface voxels are compared.
    """

    name: str
    reads: Completeness
    scored_on: Completeness

    def choose(self, incomplete: VolumeT, complete: VolumeT) -> tuple[VolumeT, VolumeT]:
        """
        Return what is read and what is scored on, of either volumes or their files.

        >>> PROTOCOLS['partial_to_full'].choose('scene__inc.sdf', 'scene__cmp.sdf')
        ('scene__inc.sdf', 'scene__cmp.sdf')
        """
        volumes = {'incomplete': incomplete, 'complete': complete}
        return volumes[self.reads], volumes[self.scored_on]


PROTOCOLS: Mapping[str, Protocol] = {protocol.name: protocol for protocol in (
    Protocol('partial_to_full', 'incomplete', 'complete'),
    Protocol('partial_to_partial', 'incomplete', 'incomplete'),
    Protocol('full_to_full', 'complete', 'complete'),
)}


def find_protocol(name: str) -> Protocol:
    """
    Return a protocol by name.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in PROTOCOLS:
        raise ConfigurationError(
            f'unknown protocol {name!r}: choose one of {", ".join(PROTOCOLS)}')
    return PROTOCOLS[name]
