"""Names of the tensors of 3D-Sketch's official release, translated into ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ssc_ros.errors import WeightsError
from ssc_ros.weights.convert.ammnet import BOTTLENECK_LAYERS, translate_encoder

_ENCODER = re.compile(r'(?:module\.)?backbone\.')
# Applied in order; each pattern is anchored at the start or at a dot.
_RULES = tuple((re.compile(pattern), replacement) for pattern, replacement in (
    (r'^module\.', ''),
    (r'^stage1\.oper1\.', 'stage1.stem.'),
    (r'^stage1\.cvae\.encoder\.', 'stage1.prior.posterior.'),
    (r'^stage1\.cvae\.log_var\.', 'stage1.prior.log_variance.'),
    (r'^stage1\.cvae\.decoder_x\.', 'stage1.prior.condition.'),
    (r'^stage1\.cvae\.decoder\.', 'stage1.prior.decode.'),
    (r'^stage1\.cvae\.', 'stage1.prior.'),
    (r'^stage2\.downsample\.', 'stage2.reduce.'),
    (r'^stage2\.oper_sketch\.', 'stage2.raw_stem.'),
    (r'^stage2\.oper_sketch_cvae\.', 'stage2.prior_stem.'),
    *((rf'^(stage\d)\.{official}\.', rf'\1.hourglass.{ours}.')
      for official, ours in (
          ('(?:completion|semantic)_layer1', 'encode_middle'),
          ('(?:completion|semantic)_layer2', 'encode_coarse'),
          (r'classify_(?:sketch|semantic)\.0', 'up_middle'),
          (r'classify_(?:sketch|semantic)\.1', 'up_full'),
          (r'classify_(?:sketch|semantic)\.2', 'classify'))),
    *((rf'(\.hourglass\.encode_\w+\.\d)\.{official}\.', rf'\1.{ours}.')
      for official, ours in BOTTLENECK_LAYERS),
))
_PARTS = re.compile(
    r'(?:stage1\.(?:stem|prior|hourglass)|stage2\.(?:reduce|raw_stem|prior_stem|hourglass))\.')


def translate_names(names: Iterable[str]) -> Mapping[str, str]:
    """
    Map every official name to ours.

    Raises:
        WeightsError: a name belongs to another network.

    >>> translate_names(['stage1.completion_layer1.0.downsample2.1.weight'])
    {'stage1.completion_layer1.0.downsample2.1.weight': \
'stage1.hourglass.encode_middle.0.pool_last.1.weight'}
    """
    listed = list(names)
    encoder = translate_encoder(name for name in listed if _ENCODER.match(name))
    translated = {name: f'encoder.{ours}' for name, ours in encoder.items()}
    rest = {name: _translated(name) for name in listed if name not in translated}
    unknown = sorted(name for name, ours in rest.items() if not _PARTS.match(ours))
    if unknown:
        raise WeightsError(
            f'{len(unknown)} tensors do not belong to the official release of 3D-Sketch, such as '
            f'{", ".join(unknown[:5])}')
    return {**translated, **rest}


def _translated(name: str) -> str:
    for pattern, replacement in _RULES:
        name = pattern.sub(replacement, name)
    return name
