"""Which networks there are; imports of a network happen when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from ssc_ros.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class NetworkCode:
    """
    The code of one network in ``ssc_ros.models.<name>``.

    Attributes:
        config, estimator: names of its classes in ``config`` and ``processing``.
        answers: what it makes of a frame: a completed scene, or a labelled image; or it makes a
            completed volume of a fused one.
        labels_pixels: its scenes come with a labelled image of its own, not only a rendered one.
    """

    name: str
    config: str
    estimator: str
    answers: Literal['scene', 'image', 'volume'] = 'scene'
    labels_pixels: bool = False

    def read_config(self, values: Mapping[str, Any]) -> Any:
        """
        Return the configuration that a bundle holds.

        Raises:
            ConfigurationError: a key is unknown or missing, or a value impossible.
        """
        return getattr(self._module('config'), self.config).from_dict(values)

    def load_preset(self, preset: str) -> Any:
        """
        Return a published configuration by name.

        Raises:
            ConfigurationError: there is none of that name.
        """
        return self._module('presets').load_preset(preset)

    def estimator_class(self) -> Any:
        """Return the class that runs the network; imports torch."""
        return getattr(self._module('processing'), self.estimator)

    def convert_checkpoint(
        self, checkpoint: Path, bundle: Path, *, preset: str | None = None, card: str = '',
    ) -> Any:
        """
        Write a bundle from an official checkpoint and return its configuration.

        Args:
            checkpoint: file of the network's release, read as weights only.
            bundle: folder to write.
            preset: configuration to check against; by default what the release is, or what its
                tensors tell.
            card: Markdown text of the model card.

        Raises:
            WeightsError: the file cannot be read, or does not fit the configuration.
        """
        from ssc_ros.weights import save_bundle

        config, state = self._module('conversion').read_official(checkpoint, preset=preset)
        save_bundle(
            bundle, config.to_dict(), state, card, model=self.name, half_precision=False)
        return config

    def _module(self, name: str) -> Any:
        return import_module(f'ssc_ros.models.{self.name}.{name}')


NETWORKS: Mapping[str, NetworkCode] = {code.name: code for code in (
    NetworkCode('occdepth', 'OccDepthConfig', 'OccDepthEstimator'),
    NetworkCode('ammnet', 'AmmnetConfig', 'AmmnetEstimator'),
    NetworkCode('imenet', 'ImenetConfig', 'ImenetEstimator', labels_pixels=True),
    NetworkCode('gad', 'GadConfig', 'GadEstimator', answers='image'),
    NetworkCode('s4r', 'S4rConfig', 'S4rEstimator', answers='volume'),
)}
DEFAULT_NETWORK = 'occdepth'
RANDOM_PREFIX = 'random:'


def find_network(name: str) -> NetworkCode:
    """
    Return the code of a network.

    Raises:
        ConfigurationError: this version does not have it.
    """
    if name not in NETWORKS:
        raise ConfigurationError(
            f'there is no {name!r} network; this version runs: {", ".join(NETWORKS)}')
    return NETWORKS[name]


def split_preset(text: str) -> tuple[NetworkCode, str]:
    """
    Understand ``[<network>/]<preset>``; without a network, OccDepth is meant.

    Raises:
        ConfigurationError: unknown network.

    >>> split_preset('ammnet/small')[1], split_preset('n4')[0].name
    ('small', 'occdepth')
    """
    network, slash, preset = text.rpartition('/')
    return find_network(network if slash else DEFAULT_NETWORK), preset


def random_weights_name(network: str, preset: str) -> str:
    """
    Return what asks for random weights, as ``models.estimator.load_estimator`` reads it.

    >>> random_weights_name('ammnet', 'small'), random_weights_name('occdepth', 'n4')
    ('random:ammnet/small', 'random:n4')
    """
    return RANDOM_PREFIX + (preset if network == DEFAULT_NETWORK else f'{network}/{preset}')
