"""Names of the tensors of GAD's official release and of ResNet-50 weights, translated to ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ssc_ros.errors import WeightsError

Rules = tuple[tuple[re.Pattern[str], str], ...]


def _compiled(*rules: tuple[str, str]) -> Rules:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in rules)


# Convolutions of an up-projection block, in the order of its phases.
_BRANCHES = {**{f'conv{index + 1}': f'enlarge.phases.{index}' for index in range(4)},
             **{f'conv{index + 5}': f'shortcut.phases.{index}' for index in range(4)},
             'conv9': 'refine', 'bn1_1': 'enlarge_norm', 'bn1_2': 'shortcut_norm',
             'bn2': 'refine_norm'}
# One rule applies, the one whose pattern begins the name.
_OFFICIAL = _compiled(
    (r'(conv1|bn1)\.', r'encoder.\1.'),
    *((rf'{official}\.conv4\.', f'encoder.stages.{place}.downsample.0.')
      for official, place in ((f'proj_layer{stage + 1}', f'{stage}.0') for stage in range(4))),
    *((rf'proj_layer{stage + 1}\.bn4\.', f'encoder.stages.{stage}.0.downsample.1.')
      for stage in range(4)),
    *((rf'proj_layer{stage + 1}\.', f'encoder.stages.{stage}.0.') for stage in range(4)),
    *((rf'skip_layer{stage + 1}_{block}\.', f'encoder.stages.{stage}.{block}.')
      for stage, blocks in enumerate((2, 3, 5, 2)) for block in range(1, blocks + 1)),
    (r'conv2\.', 'neck.0.'),
    (r'bn2\.', 'neck.1.'),
    *((rf'{short}_up_conv{block + 1}\.{official}\.', f'{decoder}.blocks.{block}.{ours}.')
      for short, decoder in (('dep', 'depth_decoder'), ('sem', 'semantic_decoder'))
      for block in range(4) for official, ours in _BRANCHES.items()),
    *((rf'{short}_skip_up{stage + 1}\.{official}\.', f'{decoder}.skips.{stage}.{ours}.')
      for short, decoder in (('dep', 'depth_decoder'), ('sem', 'semantic_decoder'))
      for stage in range(3) for official, ours in (('conv', 'convolve'), ('conv2', 'unused'))),
    *((rf'GAP_{kind}{official}\.', f'propagation.{ours}.{index}.')
      for index, kind in enumerate(('conv', 'BN'))
      for official, ours in (
          ('Dep1', 'query'), ('Dep2', 'key'), ('Sem', 'value'), ('Com', 'output'))),
    (r'dep_conv3\.', 'depth_head.'),
    (r'sem_conv3_2\.', 'semantic_head.'),
    *((rf'{official}{level + 1}\.', f'pyramid.levels.{level}.{ours}.')
      for official, ours in (
          ('sidedconv', 'reduce'), ('sidecconv', 'join'), ('sideoconv', 'classify'))
      for level in range(4)),
)
_CLASSIFIER = re.compile(r'(?:fc|classifier)\.')
_TORCHVISION = _compiled(
    (r'(conv1|bn1)\.', r'\1.'),
    *((rf'layer{stage + 1}\.', f'stages.{stage}.') for stage in range(4)))
# As the Hugging Face hub stores it.
_HUB = _compiled(
    (r'embedder\.embedder\.convolution\.', 'conv1.'),
    (r'embedder\.embedder\.normalization\.', 'bn1.'),
    *((rf'encoder\.stages\.(\d)\.layers\.(\d+)\.layer\.{index}\.{official}\.',
       rf'stages.\1.\2.{ours}{index + 1}.')
      for index in range(3) for official, ours in (
          ('convolution', 'conv'), ('normalization', 'bn'))),
    *((rf'encoder\.stages\.(\d)\.layers\.(\d+)\.shortcut\.{official}\.',
       rf'stages.\1.\2.downsample.{index}.')
      for index, official in enumerate(('convolution', 'normalization'))))


def translate_names(names: Iterable[str]) -> Mapping[str, str]:
    """
    Map every name of the official release to ours.

    Raises:
        WeightsError: a name belongs to another network.

    >>> translate_names(['module.skip_layer3_5.bn2.weight'])
    {'module.skip_layer3_5.bn2.weight': 'encoder.stages.2.5.bn2.weight'}
    """
    return _translated(names, r'module\.', _OFFICIAL, 'the official release of GAD')


def translate_encoder(names: Iterable[str]) -> Mapping[str, str]:
    """
    Map the names of a ResNet, of torchvision or the Hugging Face hub, to those of our encoders.

    The classifier is left out.

    Raises:
        WeightsError: a name belongs to another network.
    """
    return _translated(
        (name for name in names if not _CLASSIFIER.match(name)), r'(?:module|resnet)\.',
        (*_TORCHVISION, *_HUB), 'a ResNet-50 or -101')


def _translated(
    names: Iterable[str], prefix: str, rules: Rules, network: str,
) -> dict[str, str]:
    """Replace the beginning of every name as the first rule that fits it says."""
    bare = {name: re.sub(f'^{prefix}', '', name) for name in names}
    found = {name: next((pattern.sub(replacement, short, count=1)
                         for pattern, replacement in rules if pattern.match(short)), None)
             for name, short in bare.items()}
    unknown = sorted(name for name, ours in found.items() if ours is None)
    if unknown:
        raise WeightsError(
            f'{len(unknown)} tensors do not belong to {network}, such as '
            f'{", ".join(unknown[:5])}')
    return {name: ours for name, ours in found.items() if ours is not None}
