"""Official tensor names, deterministic weights under them, and the cameras of reference runs."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import torch

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import inverse_rigid
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.conversion import official_to_ours
from ssc_ros.models.occdepth.network import OccDepthNetwork
from ssc_ros.weights.convert.occdepth import translate_names

BLOCKS = {
    'efficientnet-b3': (2, 3, 3, 5, 5, 6, 2),
    'efficientnet-b4': (2, 4, 4, 6, 6, 8, 2),
    'efficientnet-b7': (4, 7, 7, 10, 10, 13, 4),
}
NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')

_P2 = np.array([[718.856, 0, 607.1928, 45.38225], [0, 718.856, 185.2157, -0.1130887],
                [0, 0, 1, 0.003779761]])
_P3 = np.array([[718.856, 0, 607.1928, -337.2877], [0, 718.856, 185.2157, 2.369057],
                [0, 0, 1, 0.004915215]])
_TR = np.array([
    [4.276802385584e-04, -9.999672484946e-01, -8.084491683471e-03, -1.198459927713e-02],
    [-7.210626507497e-03, 8.081198471645e-03, -9.999413164504e-01, -5.403984729748e-02],
    [9.999738645903e-01, 4.859485810390e-04, -7.206933692422e-03, -2.921968648286e-01],
    [0, 0, 0, 1]])
KITTI_CAMERA = PinholeCamera(718.856, 718.856, 607.1928, 185.2157, 370, 1220)
KITTI_GRID = VoxelGrid((0.0, -25.6, -2.0), 0.2, (256, 256, 32))
NYU_CAMERA = PinholeCamera(518.8579, 518.8579, 320.0, 240.0, 480, 640)
NYU_GRID = VoxelGrid((-2.4, 0.5, -0.1), 0.08, (60, 36, 60), 'xzy')
NYU_T_CAMERA_VOXEL = inverse_rigid(np.array(
    [[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 1.2], [0, 0, 0, 1]]))


def kitti_poses() -> list[np.ndarray]:
    """Lidar-to-camera transforms of both colour cameras, offsets of P2 and P3 included."""
    poses = []
    for projection in (_P2, _P3):
        pose = np.eye(4)
        pose[:3] = np.linalg.inv(projection[:, :3]) @ projection @ _TR
        poses.append(pose)
    return poses


def _norm(prefix: str) -> Iterator[str]:
    return (f'{prefix}.{leaf}' for leaf in NORM)


def _conv(prefix: str, *, bias: bool) -> Iterator[str]:
    return (f'{prefix}.{leaf}' for leaf in (('weight', 'bias') if bias else ('weight',)))


def _encoder_names(encoder: str) -> Iterator[str]:
    prefix = 'net_rgb.encoder.original_model'
    for end in ('conv_stem', 'conv_head'):
        yield from _conv(f'{prefix}.{end}', bias=False)
    for norm in ('bn1', 'bn2'):
        yield from _norm(f'{prefix}.{norm}')
    for stage, blocks in enumerate(BLOCKS[encoder]):
        for block in range(blocks):
            here = f'{prefix}.blocks.{stage}.{block}'
            for conv in ('conv_dw', 'conv_pw', *(('conv_pwl',) if stage else ())):
                yield from _conv(f'{here}.{conv}', bias=False)
            for norm in ('bn1', 'bn2', *(('bn3',) if stage else ())):
                yield from _norm(f'{here}.{norm}')
            for conv in ('conv_reduce', 'conv_expand'):
                yield from _conv(f'{here}.se.{conv}', bias=True)


def _decoder_names() -> Iterator[str]:
    prefix = 'net_rgb.decoder'
    yield from _conv(f'{prefix}.conv2', bias=True)
    for scale in (16, 8, 4, 2, 1):
        yield from _conv(f'{prefix}.resize_output_1_{scale}', bias=True)
        for conv, norm in ((0, 1), (3, 4)):
            yield from _conv(f'{prefix}.up{scale}._net.{conv}', bias=True)
            yield from _norm(f'{prefix}.up{scale}._net.{norm}')


def _bottleneck_names(prefix: str, *, strided: bool = False) -> Iterator[str]:
    for index in range(1, 6):
        yield from _conv(f'{prefix}.conv{index}', bias=False)
        yield from _norm(f'{prefix}.bn{index}')
    for branch in (*(('downsample',) if strided else ()), *(f'downsample{i}' for i in (2, 3, 4))):
        yield from _conv(f'{prefix}.{branch}.1', bias=False)
        yield from _norm(f'{prefix}.{branch}.2')


def _pyramid_names(prefix: str) -> Iterator[str]:
    for layer in (1, 2):
        for branch in range(3):
            yield from _conv(f'{prefix}.conv{layer}.{branch}', bias=False)
            yield from _norm(f'{prefix}.bn{layer}.{branch}')


def _completion_names(config: OccDepthConfig) -> Iterator[str]:
    prefix = 'net_3d_decoder'
    is_kitti = config.final_upsampling
    for process in ('process_l1', 'process_l2') if is_kitti else ('process_1_4', 'process_1_8'):
        for index in range(3):
            yield from _bottleneck_names(f'{prefix}.{process}.0.main.{index}')
        yield from _bottleneck_names(f'{prefix}.{process}.1.main', strided=True)
    for up in ('up_13_l2', 'up_12_l1', 'up_l1_lfull') if is_kitti else (
            'up_1_16_1_8', 'up_1_8_1_4'):
        yield from _conv(f'{prefix}.{up}.main.0', bias=True)
        yield from _norm(f'{prefix}.{up}.main.1')
    head = f'{prefix}.ssc_head' if is_kitti else f'{prefix}.ssc_head_1_4'
    for conv in ('conv0', 'conv_classes', *(('occ_classes',) if config.cascade_head else ())):
        yield from _conv(f'{head}.{conv}', bias=True)
    yield from _pyramid_names(head)
    if config.context_prior:
        context = f'{prefix}.CP_mega_voxels'
        yield from _conv(f'{context}.mega_context.0', bias=True)
        for relation in range(4):
            yield from _conv(f'{context}.context_prior_logits.{relation}.0', bias=True)
        yield from _pyramid_names(f'{context}.aspp')
        yield from _conv(f'{context}.resize.0', bias=False)
        yield from _bottleneck_names(f'{context}.resize.1.main.0')


def _depth_names() -> Iterator[str]:
    prefix = 'flosp_depth.depth_net.0'
    for layer in ('reduce_conv.0', 'mlp.fc1', 'mlp.fc2', 'se.conv_reduce', 'se.conv_expand',
                  'depth_pred'):
        yield from _conv(f'{prefix}.{layer}', bias=True)
    yield from _norm(f'{prefix}.reduce_conv.1')
    for block in range(3):
        for layer in (1, 2):
            yield from _conv(f'{prefix}.depth_conv.{block}.conv{layer}', bias=False)
            yield from _norm(f'{prefix}.depth_conv.{block}.bn{layer}')


def official_names(config: OccDepthConfig) -> list[str]:
    """Names of all learned or averaged tensors in an official checkpoint of a configuration."""
    return [
        *_encoder_names(config.encoder), *_decoder_names(), *_completion_names(config),
        *(_depth_names() if config.depth_prior else ())]


def deterministic_tensor(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Numbers that anyone can draw again from the name alone."""
    if name.endswith('num_batches_tracked'):
        return torch.zeros((), dtype=torch.int64)
    generator = np.random.RandomState(zlib.crc32(name.encode()))
    noise = generator.standard_normal(shape).astype(np.float32)
    if name.endswith('running_mean'):
        values = 0.1 * noise
    elif name.endswith('running_var'):
        values = 1 + 0.2 * np.abs(noise)
    elif len(shape) >= 2:
        values = noise / np.sqrt(np.prod(shape[1:]))
    elif name.endswith('.weight'):
        values = 1 + 0.1 * noise
    else:
        values = 0.1 * noise
    return torch.from_numpy(values.astype(np.float32))


def official_state(config: OccDepthConfig) -> dict[str, torch.Tensor]:
    """State dict under official names, as an official checkpoint of the configuration has it."""
    with torch.device('meta'):
        shapes = {name: tensor.shape for name, tensor in
                  OccDepthNetwork(config).state_dict().items()}
    return {official: deterministic_tensor(official, tuple(shapes[ours]))
            for official, ours in translate_names(official_names(config)).items()}


def reference_network(config: OccDepthConfig) -> OccDepthNetwork:
    """Network in evaluation mode with the deterministic weights, through the converter."""
    network = OccDepthNetwork(config)
    network.load_state_dict(official_to_ours(official_state(config)))
    return network.eval()


def reference_images(config: OccDepthConfig) -> torch.Tensor:
    """Noise images (1, V, 3, H, W)."""
    shape = (1, config.views, 3, *config.image_size)
    return torch.from_numpy(
        np.random.RandomState(123).standard_normal(shape).astype(np.float32))
