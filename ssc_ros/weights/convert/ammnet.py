"""Names of official AMMNet and 3D-Sketch tensors, translated into ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ssc_ros.errors import WeightsError

# Inside the three-dimensional bottlenecks of DDRNet, which 3D-Sketch has, too.
BOTTLENECK_LAYERS = (
    ('conv1', 'reduce'), ('bn1', 'reduce_norm'),
    ('conv2', 'axis_convs.0'), ('bn2', 'axis_norms.0'),
    ('conv3', 'axis_convs.1'), ('bn3', 'axis_norms.1'),
    ('conv4', 'axis_convs.2'), ('bn4', 'axis_norms.2'),
    ('conv5', 'expand'), ('bn5', 'expand_norm'),
    ('downsample', 'shortcut'), ('downsample2', 'pool_last'),
    ('downsample3', 'pool_last_middle'), ('downsample4', 'pool_middle'))
# Applied in order; each pattern is anchored at the start or at a dot.
_RULES = tuple((re.compile(pattern), replacement) for pattern, replacement in (
    (r'^module\.', ''),
    (r'^(?:business_layer|backbone)\.', r'encoder.'),
    # An early version of the release.
    (r'^complete\.tsdf_net\.', r'complete.DownScale.'),
    (r'^complete\.tsdf_net2\.', r'complete.UpScale.'),
    # MiT-B2, whose stages count from one.
    *((rf'^encoder\.patch_embed{stage + 1}\.', f'image.encoder.stages.{stage}.embed.')
      for stage in range(4)),
    *((rf'^encoder\.block{stage + 1}\.', f'image.encoder.stages.{stage}.blocks.')
      for stage in range(4)),
    *((rf'^encoder\.norm{stage + 1}\.', f'image.encoder.stages.{stage}.norm.')
      for stage in range(4)),
    (r'\.embed\.proj\.', r'.embed.project.'),
    (r'\.attn\.q\.', r'.attention.query.'),
    (r'\.attn\.kv\.', r'.attention.key_value.'),
    (r'\.attn\.proj\.', r'.attention.output.'),
    (r'\.attn\.sr\.', r'.attention.reduce.'),
    (r'\.attn\.norm\.', r'.attention.norm.'),
    (r'(blocks\.\d+)\.norm1\.', r'\1.attention_norm.'),
    (r'(blocks\.\d+)\.norm2\.', r'\1.feed_norm.'),
    (r'\.mlp\.fc1\.', r'.feed.expand.'),
    (r'\.mlp\.fc2\.', r'.feed.reduce.'),
    (r'\.mlp\.dwconv\.dwconv\.', r'.feed.mix.'),
    # ResNet-50.
    *((rf'^encoder\.conv{index + 1}\.', f'image.encoder.stem.{3 * index}.') for index in range(3)),
    *((rf'^encoder\.bn{index + 1}\.', f'image.encoder.stem.{3 * index + 1}.')
      for index in range(3)),
    *((rf'^encoder\.layer{stage + 1}\.', f'image.encoder.stages.{stage}.')
      for stage in range(4)),
    # The image head.
    *((rf'^head\.linear_c{scale + 1}\.proj\.', f'image.head.projections.{scale}.')
      for scale in range(4)),
    (r'^head\.linear_fuse\.(?:0|conv)\.', r'image.head.fuse.'),
    (r'^head\.linear_fuse\.(?:1|bn)\.', r'image.head.norm.'),
    (r'^head\.linear_pred\.', r'image.head.classify.'),
    # Volumes.
    (r'^feature2d_proc\.', r'image.stem.'),
    (r'^complete\.feature2d_proc\.', r'image.stem.'),
    (r'^TSDFNet\.oper1\.', r'tsdf.stem.'),
    (r'^TSDFNet\.completion_layer1\.', r'tsdf.encode_middle.'),
    (r'^TSDFNet\.completion_layer2\.', r'tsdf.encode_coarse.'),
    (r'^TSDFNet\.enc_tsdf\.0\.', r'tsdf.up_middle.'),
    (r'^TSDFNet\.enc_tsdf\.1\.', r'tsdf.up_full.'),
    (r'^complete\.semantic_layer1\.', r'decoder.encode_middle.'),
    (r'^complete\.semantic_layer2\.', r'decoder.encode_coarse.'),
    (r'^complete\.classify_semantic\.0\.', r'decoder.up_middle.'),
    (r'^complete\.classify_semantic\.1\.', r'decoder.up_full.'),
    (r'^complete\.classify_semantic\.2\.', r'decoder.classify.'),
    (r'^complete\.DownScale\.', r'decoder.lower_depth.'),
    (r'^complete\.UpScale\.', r'decoder.raise_depth.'),
    (r'^complete\.pre_layer_R([123])1\.', r'decoder.fusions.\1.scale.'),
    (r'^complete\.pre_layer_R([123])2\.', r'decoder.fusions.\1.shift.'),
    # The discriminator.
    (r'^disc\.conv1\.', r'discriminator.entry.'),
    *((rf'^disc\.layer{block + 1}\.', f'discriminator.blocks.{block}.') for block in range(4)),
    (r'^discriminator\.(blocks\.\d)\.0\.', r'discriminator.\1.'),
    (r'^disc\.linear\.', r'discriminator.embed.'),
    (r'^disc\.logit\.', r'discriminator.judge.'),
    *((re.sub('NAME', official, r'^((?:tsdf|decoder|discriminator)\..*)\.NAME\.'), rf'\1.{ours}.')
      for official, ours in BOTTLENECK_LAYERS),
))
_ENCODER = 'image.encoder.'
_OURS = ('image.', 'tsdf.', 'decoder.', 'discriminator.')


def translate_names(names: Iterable[str]) -> Mapping[str, str]:
    """
    Map every official name to ours; the discriminator's begin with ``discriminator.``.

    Raises:
        WeightsError: a name belongs to no known release.
    """
    translated = {name: _translated(name) for name in names}
    unknown = sorted(name for name, ours in translated.items() if not ours.startswith(_OURS))
    if unknown:
        raise WeightsError(
            f'{len(unknown)} tensors belong to no known release of AMMNet, such as '
            f'{", ".join(unknown[:5])}')
    return translated


def translate_encoder(names: Iterable[str]) -> Mapping[str, str]:
    """
    Map the names of a pretrained image encoder to those inside ours; others are left out.

    Known are MiT-B2 alone, in a SegFormer of mmseg and as ``transformers`` stores it, whose keys
    and values are separate (names with ``key_value.key`` and ``key_value.value``), and ResNet-50
    alone or in 3D-Sketch.
    """
    translated = {}
    for name in names:
        bare = _from_transformers(re.sub(r'^(?:module\.)?(?:backbone\.)?', '', name))
        ours = _translated(f'encoder.{bare}')
        if ours.startswith(_ENCODER):
            translated[name] = ours[len(_ENCODER):]
    return translated


def _translated(name: str) -> str:
    for pattern, replacement in _RULES:
        name = pattern.sub(replacement, name)
    return name


_TRANSFORMERS_RULES = tuple((re.compile(pattern), replacement) for pattern, replacement in (
    (r'^(?:segformer\.)?encoder\.', ''),
    (r'^patch_embeddings\.(\d)\.layer_norm\.', r'patch_embed+\1.norm.'),
    (r'^patch_embeddings\.(\d)\.', r'patch_embed+\1.'),
    (r'^block\.(\d)\.', r'block+\1.'),
    (r'^layer_norm\.(\d)\.', r'norm+\1.'),
    (r'\.layer_norm_([12])\.', r'.norm\1.'),
    (r'\.attention\.self\.query\.', '.attn.q.'),
    (r'\.attention\.self\.key\.', '.attn.kv.key.'),
    (r'\.attention\.self\.value\.', '.attn.kv.value.'),
    (r'\.attention\.self\.sr\.', '.attn.sr.'),
    (r'\.attention\.self\.layer_norm\.', '.attn.norm.'),
    (r'\.attention\.output\.dense\.', '.attn.proj.'),
    (r'\.mlp\.dense([12])\.', r'.mlp.fc\1.'),
))


def _from_transformers(name: str) -> str:
    """Return the official name of a MiT tensor as the Hugging Face hub stores it."""
    for pattern, replacement in _TRANSFORMERS_RULES:
        name = pattern.sub(replacement, name)
    return re.sub(r'\+(\d)', lambda match: str(int(match[1]) + 1), name)
