"""Conversion of official OccDepth and MonoScene checkpoints into weights bundles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ssc_ros.errors import WeightsError
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.network import OccDepthNetwork
from ssc_ros.models.occdepth.presets import PRESETS, load_preset
from ssc_ros.weights.convert.checkpoint import read_checkpoint
from ssc_ros.weights.convert.fit import check_tensors
from ssc_ros.weights.convert.occdepth import translate_names

# What the shapes of a checkpoint tell about its configuration.
_INFERRED = (
    'encoder', 'feature_channels', 'num_classes', 'final_upsampling', 'cascade_head',
    'context_prior', 'depth_prior')
_ENCODER_OF_HEAD_CHANNELS = {
    1280: 'efficientnet-b0', 1536: 'efficientnet-b3', 1792: 'efficientnet-b4',
    2048: 'efficientnet-b5', 2560: 'efficientnet-b7',
}


def read_official(
    checkpoint: Path, *, preset: str | None = None,
) -> tuple[OccDepthConfig, dict[str, Tensor]]:
    """
    Return configuration and tensors, under our names, of an official checkpoint.

    Args:
        checkpoint: Lightning checkpoint of OccDepth or MonoScene, read as weights only.
        preset: configuration to check against; inferred from the tensors by default. N7 and
            MonoScene's NYU network have the same tensors: name the latter ``monoscene-nyu``.

    Returns:
        The configuration, behaving as the official code does, and the tensors.

    Raises:
        WeightsError: the file cannot be read, or does not fit the configuration.
    """
    state = official_to_ours(read_checkpoint(checkpoint))
    config = (load_preset(preset) if preset else infer_config(state)).with_official_behaviour()
    check_fit(state, config)
    return config, state


def official_to_ours(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of an official ``state_dict``."""
    return {ours: official[name] for name, ours in translate_names(official).items()}


def infer_config(state: Mapping[str, Tensor]) -> OccDepthConfig:
    """
    Return the published configuration that tensors under our names belong to.

    Raises:
        WeightsError: a tensor that tells is missing, or no published configuration is like it.
    """
    try:
        head_channels = state['encoder.model.encoder.top_conv.weight'].shape[0]
        found = {
            'encoder': _ENCODER_OF_HEAD_CHANNELS.get(head_channels, f'{head_channels} channels'),
            'feature_channels': state['decoder.outputs.scale_1.weight'].shape[0],
            'num_classes': state['completion.head.classify.weight'].shape[0],
            'final_upsampling': 'completion.up_full.0.weight' in state,
            'cascade_head': 'completion.head.classify_occupancy.weight' in state,
            'context_prior': 'completion.context_prior.reduce.weight' in state,
            'depth_prior': 'depth_network.predict.weight' in state,
        }
    except KeyError as error:
        raise WeightsError(f'this is no whole OccDepth network: {error} is missing') from error
    for config in PRESETS.values():
        if all(getattr(config, field) == found[field] for field in _INFERRED):
            return config
    base = PRESETS['k3'] if found['final_upsampling'] else PRESETS['n4']
    if found['encoder'] not in _ENCODER_OF_HEAD_CHANNELS.values() or (
            found['num_classes'] != base.num_classes):
        raise WeightsError(
            f'no published configuration is like {found}: give the preset by name')
    return replace(base, name='converted', **found)  # type: ignore[arg-type]


def check_fit(state: Mapping[str, Tensor], config: OccDepthConfig) -> None:
    """
    Compare tensors with what the network of a configuration owns.

    Raises:
        WeightsError: lists missing and unexpected names and differing shapes.
    """
    with torch.device('meta'):
        expected = OccDepthNetwork(config).state_dict()
    check_tensors(state, expected, config.name)
