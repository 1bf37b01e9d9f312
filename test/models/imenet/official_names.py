"""Names of the tensors in the released checkpoints of 3D-Sketch."""

from __future__ import annotations

from types import ModuleType


def _convolutions(official: ModuleType, prefix: str, places: tuple[int, ...]) -> list[str]:
    return [name for place in places for name in (
        f'{prefix}.{place}.weight', *official._leaves(f'{prefix}.{place + 1}', official._NORM))]


def _backbone(official: ModuleType) -> list[str]:
    names = [name for index in (1, 2, 3) for name in (
        f'backbone.conv{index}.weight', *official._leaves(f'backbone.bn{index}', official._NORM))]
    for layer, depth in enumerate((3, 4, 6, 3), start=1):
        for block in range(depth):
            prefix = f'backbone.layer{layer}.{block}'
            for index in (1, 2, 3):
                names += [f'{prefix}.conv{index}.weight',
                          *official._leaves(f'{prefix}.bn{index}', official._NORM)]
            if block == 0:
                names += _convolutions(official, f'{prefix}.downsample', (0,))
    return names


def _prior(official: ModuleType) -> list[str]:
    prefix = 'stage1.cvae'
    return [
        *_convolutions(official, f'{prefix}.encoder', (0, 3, 6, 10, 14)),
        *_convolutions(official, f'{prefix}.decoder_x', (0, 3, 6, 10, 14)),
        *official._leaves(f'{prefix}.mean', official._AFFINE),
        *official._leaves(f'{prefix}.log_var', official._AFFINE),
        *official._raising(f'{prefix}.decoder'), *official._raising(f'{prefix}.decoder', 3),
        *official._leaves(f'{prefix}.decoder.7', official._AFFINE)]


def _hourglass(official: ModuleType, stage: int, layer: str, classifier: str) -> list[str]:
    prefix = f'stage{stage}.{classifier}'
    return [
        *official._group(f'stage{stage}.{layer}1'), *official._group(f'stage{stage}.{layer}2'),
        *official._raising(f'{prefix}.0'), *official._raising(f'{prefix}.1'),
        *official._leaves(f'{prefix}.2.1', official._AFFINE)]


def sketch_names(official: ModuleType) -> list[str]:
    """
    List all names.

    Args:
        official: the names and formula of AMMNet's tests; its release has the same blocks.
    """
    stems = ('stage1.oper1', 'stage2.oper_sketch', 'stage2.oper_sketch_cvae')
    return [
        *_backbone(official), *_convolutions(official, 'stage2.downsample', (0,)),
        *(name for stem in stems for name in _convolutions(official, stem, (0, 3, 6))),
        *_prior(official), *_hourglass(official, 1, 'completion_layer', 'classify_sketch'),
        *_hourglass(official, 2, 'semantic_layer', 'classify_semantic')]
