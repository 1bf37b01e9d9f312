"""
Tensors of the official network, by name and formula, so that ours can be compared with it.

The names are those of its released checkpoints. A formula fills every tensor, and the figures that
the official network computed from them, once and in float64, are in ``test_parity.py``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch

from ssc_ros.weights.convert.ammnet import translate_names

_NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
_AFFINE = ('weight', 'bias')


def _leaves(prefix: str, leaves: tuple[str, ...]) -> list[str]:
    return [f'{prefix}.{leaf}' for leaf in leaves]


def _bottleneck(prefix: str, *, strided: bool) -> list[str]:
    names = []
    for index in range(1, 6):
        names += [f'{prefix}.conv{index}.weight', *_leaves(f'{prefix}.bn{index}', _NORM)]
    for pool in ('', '2', '3', '4')[0 if strided else 1:]:
        names += [f'{prefix}.downsample{pool}.1.weight',
                  *_leaves(f'{prefix}.downsample{pool}.2', _NORM)]
    return names


def _group(prefix: str) -> list[str]:
    return [name for index in range(4)
            for name in _bottleneck(f'{prefix}.{index}', strided=index == 0)]


def _raising(prefix: str, first: int = 0) -> list[str]:
    return [*_leaves(f'{prefix}.{first}', _AFFINE), *_leaves(f'{prefix}.{first + 1}', _NORM)]


def _encoder() -> list[str]:
    names = []
    for stage, depth in enumerate((3, 4, 6, 3), start=1):
        names += _leaves(f'encoder.patch_embed{stage}.proj', _AFFINE)
        names += _leaves(f'encoder.patch_embed{stage}.norm', _AFFINE)
        names += _leaves(f'encoder.norm{stage}', _AFFINE)
        layers = ['norm1', 'norm2', 'attn.q', 'attn.kv', 'attn.proj', 'mlp.fc1', 'mlp.fc2',
                  'mlp.dwconv.dwconv', *(['attn.sr', 'attn.norm'] if stage < 4 else [])]
        names += [name for block in range(depth) for layer in layers
                  for name in _leaves(f'encoder.block{stage}.{block}.{layer}', _AFFINE)]
    return names


def _head() -> list[str]:
    names = [name for scale in range(1, 5)
             for name in _leaves(f'head.linear_c{scale}.proj', _AFFINE)]
    return [*names, 'head.linear_fuse.0.weight', *_leaves('head.linear_fuse.1', _NORM),
            *_leaves('head.linear_pred', _AFFINE)]


def _tsdf() -> list[str]:
    names = []
    for index in (0, 3, 6):
        names += [f'TSDFNet.oper1.{index}.weight', *_leaves(f'TSDFNet.oper1.{index + 1}', _NORM)]
    return [*names, *_group('TSDFNet.completion_layer1'), *_group('TSDFNet.completion_layer2'),
            *_raising('TSDFNet.enc_tsdf.0'), *_raising('TSDFNet.enc_tsdf.1')]


def _complete() -> list[str]:
    names = [name for site in (1, 2, 3) for part in (1, 2)
             for name in _leaves(f'complete.pre_layer_R{site}{part}', _AFFINE)]
    return [
        *names, *_group('complete.semantic_layer1'), *_group('complete.semantic_layer2'),
        *_raising('complete.classify_semantic.0'), *_raising('complete.classify_semantic.1'),
        *_leaves('complete.classify_semantic.2.1', _AFFINE),
        *_bottleneck('complete.DownScale.0', strided=True),
        *_bottleneck('complete.DownScale.1', strided=True),
        *_raising('complete.DownScale', 2), *_raising('complete.UpScale')]


def _discriminator() -> list[str]:
    return ['disc.conv1.weight', *(
        name for layer in range(1, 5)
        for name in _bottleneck(f'disc.layer{layer}', strided=layer < 4)),
        *_leaves('disc.linear', _AFFINE), *_leaves('disc.logit', _AFFINE)]


OFFICIAL_NAMES: Mapping[str, list[str]] = {
    'encoder': _encoder(), 'head': _head(), 'TSDFNet': _tsdf(), 'complete': _complete(),
    'disc': _discriminator()}


def uniform(name: str, *shape: int) -> torch.Tensor:
    """Return float64 in [-0.5, 0.5) that depend on the name only."""
    seed = zlib.crc32(name.encode()) % 10007
    mask, count = np.uint64(0xFFFFFFFF), int(np.prod(shape))
    value = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(2654435761)
    value = (value + np.uint64(seed * 40503)) & mask
    value ^= value >> np.uint64(16)
    value = value * np.uint64(2246822519) & mask
    value ^= value >> np.uint64(13)
    return torch.from_numpy((value / 2**32 - 0.5).reshape(shape))


def weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return the tensor of an official name."""
    if name.endswith('num_batches_tracked'):
        return torch.tensor(0)
    value = uniform(name, *shape)
    if name.endswith('running_var'):
        value = 1 + 0.5 * value
    elif len(shape) >= 2:
        value = value * np.sqrt(12 / (value.numel() / shape[0]))
    elif name.endswith('.weight'):
        value = 1 + 0.2 * value
    else:
        value = 0.2 * value
    return value.float()


def fill(module: torch.nn.Module, prefix: str = '') -> None:
    """
    Fill a network from the official names of its tensors.

    Args:
        prefix: of our names in ``translate_names`` that the module leaves out.
    """
    names = [name for names in OFFICIAL_NAMES.values() for name in names]
    state = module.state_dict()
    ours = {name.removeprefix(prefix): official
            for official, name in translate_names(names).items() if name.startswith(prefix)}
    module.load_state_dict({
        name: weight(ours[name], tuple(value.shape)) for name, value in state.items()})
