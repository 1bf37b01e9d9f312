"""
Names of official OccDepth and MonoScene tensors, translated into ours.

The EfficientNet of those releases uses the names of ``geffnet`` (also timm's), ours those of
``transformers``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ssc_ros.errors import WeightsError

_ENCODER = 'net_rgb.encoder.original_model.'
_BLOCK = re.compile(r'blocks\.(\d+)\.(\d+)\.([^.]+)(\..+)')
# Constant buffers of the voxel grid, computed from the calibration here.
_DROPPED = re.compile(r'flosp_depth\.voxel_\w+|net_rgb\.encoder\.original_model\.classifier\..*')

_FIRST_STAGE_LAYERS = {
    'conv_dw': 'depthwise_conv.depthwise_conv', 'bn1': 'depthwise_conv.depthwise_norm',
    'conv_pw': 'projection.project_conv', 'bn2': 'projection.project_bn',
}
_STAGE_LAYERS = {
    'conv_pw': 'expansion.expand_conv', 'bn1': 'expansion.expand_bn',
    'conv_dw': 'depthwise_conv.depthwise_conv', 'bn2': 'depthwise_conv.depthwise_norm',
    'conv_pwl': 'projection.project_conv', 'bn3': 'projection.project_bn',
}
_SQUEEZE_LAYERS = {'conv_reduce': 'squeeze_excite.reduce', 'conv_expand': 'squeeze_excite.expand'}
_ENCODER_ENDS = {
    'conv_stem': 'embeddings.convolution', 'bn1': 'embeddings.batchnorm',
    'conv_head': 'encoder.top_conv', 'bn2': 'encoder.top_bn',
}

# Applied in order to everything outside the encoder; each pattern is anchored at the start or
# at a dot.
_RULES = tuple((re.compile(pattern), replacement) for pattern, replacement in (
    (r'^net_rgb\.decoder\.conv2\.', r'decoder.entry.'),
    (r'^net_rgb\.decoder\.up16\._net\.', r'decoder.up_blocks.0.body.'),
    (r'^net_rgb\.decoder\.up8\._net\.', r'decoder.up_blocks.1.body.'),
    (r'^net_rgb\.decoder\.up4\._net\.', r'decoder.up_blocks.2.body.'),
    (r'^net_rgb\.decoder\.up2\._net\.', r'decoder.up_blocks.3.body.'),
    (r'^net_rgb\.decoder\.up1\._net\.', r'decoder.up_blocks.4.body.'),
    (r'^net_rgb\.decoder\.resize_output_1_(\d+)\.', r'decoder.outputs.scale_\1.'),
    (r'^flosp_depth\.depth_net\.0\.reduce_conv\.', r'depth_network.reduce.'),
    (r'^flosp_depth\.depth_net\.0\.mlp\.fc1\.', r'depth_network.gate.embed.0.'),
    (r'^flosp_depth\.depth_net\.0\.mlp\.fc2\.', r'depth_network.gate.embed.2.'),
    (r'^flosp_depth\.depth_net\.0\.se\.conv_reduce\.', r'depth_network.gate.excite.0.'),
    (r'^flosp_depth\.depth_net\.0\.se\.conv_expand\.', r'depth_network.gate.excite.2.'),
    (r'^flosp_depth\.depth_net\.0\.depth_conv\.(\d)\.conv1\.', r'depth_network.blocks.\1.body.0.'),
    (r'^flosp_depth\.depth_net\.0\.depth_conv\.(\d)\.bn1\.', r'depth_network.blocks.\1.body.1.'),
    (r'^flosp_depth\.depth_net\.0\.depth_conv\.(\d)\.conv2\.', r'depth_network.blocks.\1.body.3.'),
    (r'^flosp_depth\.depth_net\.0\.depth_conv\.(\d)\.bn2\.', r'depth_network.blocks.\1.body.4.'),
    (r'^flosp_depth\.depth_net\.0\.depth_pred\.', r'depth_network.predict.'),
    (r'^net_3d_decoder\.(?:process_l1|process_1_4)\.0\.main\.', r'completion.process_fine.'),
    (r'^net_3d_decoder\.(?:process_l1|process_1_4)\.1\.main\.', r'completion.down_middle.'),
    (r'^net_3d_decoder\.(?:process_l2|process_1_8)\.0\.main\.', r'completion.process_middle.'),
    (r'^net_3d_decoder\.(?:process_l2|process_1_8)\.1\.main\.', r'completion.down_coarse.'),
    (r'^net_3d_decoder\.(?:up_13_l2|up_1_16_1_8)\.main\.', r'completion.up_middle.'),
    (r'^net_3d_decoder\.(?:up_12_l1|up_1_8_1_4)\.main\.', r'completion.up_fine.'),
    (r'^net_3d_decoder\.up_l1_lfull\.main\.', r'completion.up_full.'),
    (r'^net_3d_decoder\.CP_mega_voxels\.mega_context\.0\.',
     r'completion.context_prior.cell_context.'),
    (r'^net_3d_decoder\.CP_mega_voxels\.context_prior_logits\.(\d)\.0\.',
     r'completion.context_prior.relations.\1.'),
    (r'^net_3d_decoder\.CP_mega_voxels\.resize\.0\.', r'completion.context_prior.reduce.'),
    (r'^net_3d_decoder\.CP_mega_voxels\.resize\.1\.main\.0\.',
     r'completion.context_prior.refine.0.'),
    (r'^net_3d_decoder\.CP_mega_voxels\.aspp\.', r'completion.context_prior.aspp.'),
    (r'^net_3d_decoder\.ssc_head(?:_1_4)?\.conv_classes\.', r'completion.head.classify.'),
    (r'^net_3d_decoder\.ssc_head\.occ_classes\.', r'completion.head.classify_occupancy.'),
    (r'^net_3d_decoder\.ssc_head(?:_1_4)?\.conv0\.', r'completion.head.trunk.0.'),
    (r'^net_3d_decoder\.ssc_head(?:_1_4)?\.((?:conv|bn)[12]\.\d\.)',
     r'completion.head.trunk.2.\1'),
    # Inside the pyramid.
    (r'(aspp|head\.trunk\.2)\.conv1\.(\d)\.', r'\1.branches.\2.0.'),
    (r'(aspp|head\.trunk\.2)\.bn1\.(\d)\.', r'\1.branches.\2.1.'),
    (r'(aspp|head\.trunk\.2)\.conv2\.(\d)\.', r'\1.branches.\2.3.'),
    (r'(aspp|head\.trunk\.2)\.bn2\.(\d)\.', r'\1.branches.\2.4.'),
    # Inside the three-dimensional bottlenecks.
    (r'^(completion\..*)\.conv1\.', r'\1.reduce.'),
    (r'^(completion\..*)\.bn1\.', r'\1.reduce_norm.'),
    (r'^(completion\..*)\.conv2\.', r'\1.axis_convs.0.'),
    (r'^(completion\..*)\.conv3\.', r'\1.axis_convs.1.'),
    (r'^(completion\..*)\.conv4\.', r'\1.axis_convs.2.'),
    (r'^(completion\..*)\.bn2\.', r'\1.axis_norms.0.'),
    (r'^(completion\..*)\.bn3\.', r'\1.axis_norms.1.'),
    (r'^(completion\..*)\.bn4\.', r'\1.axis_norms.2.'),
    (r'^(completion\..*)\.conv5\.', r'\1.expand.'),
    (r'^(completion\..*)\.bn5\.', r'\1.expand_norm.'),
    (r'^(completion\..*)\.downsample\.', r'\1.shortcut.'),
    (r'^(completion\..*)\.downsample2\.', r'\1.pool_last.'),
    (r'^(completion\..*)\.downsample3\.', r'\1.pool_last_middle.'),
    (r'^(completion\..*)\.downsample4\.', r'\1.pool_middle.'),
))


def translate_names(names: Iterable[str]) -> Mapping[str, str]:
    """
    Map every official name to ours; constant buffers are left out.

    Raises:
        WeightsError: a name belongs to neither OccDepth nor MonoScene.
    """
    kept = [name for name in names if not _DROPPED.fullmatch(name)]
    first_blocks = _first_block_of_stages(kept)
    translated = {
        name: _encoder_name(name[len(_ENCODER):], first_blocks) if name.startswith(_ENCODER)
        else _other_name(name) for name in kept}
    unknown = sorted(name for name, ours in translated.items() if ours is None)
    if unknown:
        raise WeightsError(
            f'{len(unknown)} tensors belong to no known release of OccDepth or MonoScene, such '
            f'as {", ".join(unknown[:5])}')
    return {name: ours for name, ours in translated.items() if ours is not None}


def _first_block_of_stages(names: Iterable[str]) -> list[int]:
    """Return the running number of the first EfficientNet block of each stage."""
    matches = (_BLOCK.match(name[len(_ENCODER):]) for name in names if name.startswith(_ENCODER))
    blocks = sorted({(int(match[1]), int(match[2])) for match in matches if match})
    return [index for index, (_, block) in enumerate(blocks) if block == 0]


def _encoder_name(name: str, first_blocks: list[int]) -> str | None:
    match = _BLOCK.fullmatch(name)
    if match is None:
        layer, _, leaf = name.partition('.')
        return f'encoder.model.{_ENCODER_ENDS[layer]}.{leaf}' if layer in _ENCODER_ENDS else None
    stage, block, layer, leaf = int(match[1]), int(match[2]), match[3], match[4]
    if layer == 'se':
        _, layer, leaf = leaf.split('.', 2)
        leaf = f'.{leaf}'
        layers = _SQUEEZE_LAYERS
    else:
        layers = _STAGE_LAYERS if stage else _FIRST_STAGE_LAYERS
    if layer not in layers:
        return None
    return f'encoder.model.encoder.blocks.{first_blocks[stage] + block}.{layers[layer]}{leaf}'


def _other_name(name: str) -> str | None:
    translated = name
    for pattern, replacement in _RULES:
        translated = pattern.sub(replacement, translated)
    is_known = translated.startswith(('decoder.', 'depth_network.', 'completion.'))
    return translated if is_known else None
