"""What can be known of weights without loading a network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.estimator import DUMMY
from ssc_ros.models.registry import RANDOM_PREFIX, NetworkCode, find_network, split_preset
from ssc_ros.weights import find_bundle, list_bundles, read_bundle_config

DEFAULT_WEIGHTS = 'occdepth_small_rooms'


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """
    A network from outside.

    Attributes:
        placement: rule that puts its voxel box before the camera; empty of networks that answer
            with no scene.
        labels_pixels: its scenes come with a labelled image of its own, to be scored as well.
        sha256: of its weights file, empty where there is none.
    """

    weights: str
    label_space: str
    placement: str
    sha256: str = ''
    labels_pixels: bool = False

    @property
    def labels_images(self) -> bool:
        """The network labels images; others complete scenes."""
        return not self.placement

    def as_dict(self) -> dict[str, Any]:
        """Return the facts ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """A network that completes fused volumes, from outside."""

    weights: str
    label_space: str
    voxel_size_m: float


def find_shipped(model: str) -> str | None:
    """Return the name of a bundle of a network that ships with the package; the default first."""
    names = sorted(list_bundles(), key=lambda name: name != DEFAULT_WEIGHTS)
    return next((name for name in names
                 if read_bundle_config(find_bundle(name))['model'] == model), None)


def describe_weights(
    weights: str, *, answers: Literal['scene', 'image'] | None = None,
) -> NetworkFacts:
    """
    Describe what ``load_estimator`` or ``load_image_estimator`` would load.

    Args:
        answers: what the dummy stands in for; other weights know it themselves.

    Raises:
        WeightsError: the bundle is missing or its configuration unreadable.
        ConfigurationError: unknown network or preset.
    """
    if weights == DUMMY:
        return NetworkFacts(
            weights, *(('nyu40', '') if answers == 'image' else ('nyu12', 'nyu')))
    network, config, sha256 = _read_config(weights)
    return NetworkFacts(
        weights, config.label_space,
        config.placement if network.answers == 'scene' else '', sha256, network.labels_pixels)


def describe_volume_weights(weights: str) -> VolumeFacts:
    """
    Describe what ``load_volume_estimator`` would load.

    Raises:
        WeightsError: the bundle is missing or its configuration unreadable.
        ConfigurationError: unknown preset, or a network that does not complete volumes.
    """
    if weights == DUMMY:
        config = find_network('s4r').load_preset('small')
        return VolumeFacts(weights, config.label_space, config.voxel_size_m)
    network, config, _ = _read_config(weights)
    if network.answers != 'volume':
        raise ConfigurationError(
            f'weights {weights!r} are of {network.name}, but a map is completed by s4r: give '
            'weights of that')
    return VolumeFacts(weights, config.label_space, config.voxel_size_m)


def _read_config(weights: str) -> tuple[NetworkCode, Any, str]:
    """Return network, configuration and hash, empty for random weights."""
    if weights.startswith(RANDOM_PREFIX):
        network, preset = split_preset(weights[len(RANDOM_PREFIX):])
        return network, network.load_preset(preset), ''
    document = read_bundle_config(find_bundle(weights))
    network = find_network(document['model'])
    return network, network.read_config(document['config']), document['weights_sha256']
