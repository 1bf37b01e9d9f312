from __future__ import annotations

import pytest

from ssc_ros.errors import WeightsError
from ssc_ros.weights.convert.occdepth import translate_names

ENCODER = 'net_rgb.encoder.original_model'
BLOCKS = [f'{ENCODER}.blocks.{stage}.{block}.conv_dw.weight'
          for stage, blocks in enumerate((2, 3, 1)) for block in range(blocks)]


@pytest.mark.parametrize(('official', 'ours'), [
    (f'{ENCODER}.conv_stem.weight', 'encoder.model.embeddings.convolution.weight'),
    (f'{ENCODER}.bn2.running_var', 'encoder.model.encoder.top_bn.running_var'),
    # The first stage has no expansion: its pointwise convolution is the projection.
    (f'{ENCODER}.blocks.0.1.conv_pw.weight',
     'encoder.model.encoder.blocks.1.projection.project_conv.weight'),
    (f'{ENCODER}.blocks.1.0.conv_pw.weight',
     'encoder.model.encoder.blocks.2.expansion.expand_conv.weight'),
    (f'{ENCODER}.blocks.1.2.bn1.bias', 'encoder.model.encoder.blocks.4.expansion.expand_bn.bias'),
    (f'{ENCODER}.blocks.2.0.se.conv_expand.bias',
     'encoder.model.encoder.blocks.5.squeeze_excite.expand.bias'),
    ('net_rgb.decoder.up2._net.4.weight', 'decoder.up_blocks.3.body.4.weight'),
    ('flosp_depth.depth_net.0.mlp.fc2.bias', 'depth_network.gate.embed.2.bias'),
    ('net_3d_decoder.process_l1.0.main.2.conv3.weight',
     'completion.process_fine.2.axis_convs.1.weight'),
    ('net_3d_decoder.process_1_8.1.main.downsample.2.bias',
     'completion.down_coarse.shortcut.2.bias'),
    ('net_3d_decoder.process_1_8.1.main.downsample3.1.weight',
     'completion.down_coarse.pool_last_middle.1.weight'),
    ('net_3d_decoder.CP_mega_voxels.aspp.conv2.1.weight',
     'completion.context_prior.aspp.branches.1.3.weight'),
    ('net_3d_decoder.CP_mega_voxels.resize.1.main.0.bn5.bias',
     'completion.context_prior.refine.0.expand_norm.bias'),
    ('net_3d_decoder.ssc_head_1_4.bn1.2.running_mean',
     'completion.head.trunk.2.branches.2.1.running_mean'),
])
def test_official_names_are_translated(official, ours):
    assert translate_names([official, *BLOCKS])[official] == ours


def test_constant_buffers_and_the_classifier_are_left_out():
    names = ['flosp_depth.voxel_coord', f'{ENCODER}.classifier.weight', *BLOCKS]
    assert list(translate_names(names)) == BLOCKS


@pytest.mark.parametrize('name', [
    'backbone.layer1.weight', f'{ENCODER}.conv_middle.weight',
    f'{ENCODER}.blocks.1.0.conv_foo.weight', 'net_rgb.neck.weight'])
def test_foreign_names_are_refused(name):
    with pytest.raises(WeightsError, match='belong to no known release'):
        translate_names([name, *BLOCKS])
