"""Configuration of an AMMNet network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.network_config import NetworkConfig

Encoder = Literal['segformer-b2', 'resnet50', 'labels', 'lite0']
Fusion = Literal['modulation', 'add', 'concat', 'senet', 'cbam', 'highway']
Gain = Literal['one_plus_sigmoid', 'sigmoid']
Path = Literal['modulation', 'addition']
AugmentationPlace = Literal['feature', 'input', 'none']


@dataclass(frozen=True, slots=True, kw_only=True)
class AmmnetConfig(NetworkConfig):
    """
    Everything that shapes an AMMNet network.

    Attributes:
        name: of the configuration, for reports.
        label_space: name of the label space; ``num_classes`` counts its ids, empty included.
        placement: rule that puts the voxel box before the camera.
        grid_shape, voxel_size_m, axis_order: the label array (see ``geometry.VoxelGrid``).
        image_size: (height, width) whose pixels ``pixel_of_voxel`` counts.
        encoder: of the image; ``labels`` reads a map of ``label_map_classes`` ids instead, of
            which 0 is void.
        image_stride: shrink the image by this factor before it is encoded.
        freezes_encoder: no gradient, and batch statistics as loaded.
        feature_channels: width of image, depth and decoder features.
        trunk_stride: 1 as published; 2 lets the features meet at half the grid's resolution,
            and only ``detail_channels`` features at the full one. For robots without a GPU.
        fusion: how the depth features enter the decoder at ``fusion_sites``: 1 the image
            features, 2 and 3 the first and second upsampled volume. Without site 1 the image
            features are added to the depth features; so no site at all is the paper's baseline.
        modulation_gain: factor on the modulated features: 1 + sigmoid(scale) as in the official
            code, or sigmoid(scale).
        modulation_forward, modulation_gradient: what passes forward and where gradients flow;
            unequal in the two half-modulations of Table 5.
        fills_holes: spread image features to the empty neighbours of visible voxels.
        image_dropout, tsdf_dropout, voxel_dropout: of the image head, of the depth encoder and,
            on whole channels, of the decoder.
        drop_path: of the image encoder while training; the official code leaves it on although
            that encoder is frozen.
        augmentation_3d: flip and turn the volumes of a training batch: inside the network
            (``feature``, the official code), or before it (``input``, the data set's work).
        augmentation_swap: let the augmentation swap the horizontal axes too.
        keeps_unused_parameters: own the parameters of official checkpoints that nothing reads.
    """

    network_title: ClassVar = 'AMMNet'
    choices: ClassVar = {
        'encoder': ('segformer-b2', 'resnet50', 'labels', 'lite0'),
        'fusion': ('modulation', 'add', 'concat', 'senet', 'cbam', 'highway'),
        'modulation_gain': ('one_plus_sigmoid', 'sigmoid'),
        'modulation_forward': ('modulation', 'addition'),
        'modulation_gradient': ('modulation', 'addition'),
        'augmentation_3d': ('feature', 'input', 'none'),
    }

    label_space: str = 'nyu12'
    num_classes: int = 12
    placement: Literal['nyu'] = 'nyu'
    grid_shape: tuple[int, int, int] = (60, 36, 60)
    voxel_size_m: float = 0.08
    axis_order: Literal['xzy'] = 'xzy'
    image_size: tuple[int, int] = (480, 640)
    encoder: Encoder = 'segformer-b2'
    label_map_classes: int = 14
    image_stride: int = 1
    freezes_encoder: bool = True
    feature_channels: int = 256
    trunk_stride: Literal[1, 2] = 1
    detail_channels: int = 24
    fusion: Fusion = 'modulation'
    fusion_sites: tuple[int, ...] = (1, 2, 3)
    modulation_gain: Gain = 'one_plus_sigmoid'
    modulation_forward: Path = 'modulation'
    modulation_gradient: Path = 'modulation'
    fills_holes: bool = True
    image_dropout: float = 0.5
    tsdf_dropout: float = 0.3
    voxel_dropout: float = 0.1
    drop_path: float = 0.1
    augmentation_3d: AugmentationPlace = 'feature'
    augmentation_swap: bool = True
    keeps_unused_parameters: bool = True

    def __post_init__(self) -> None:
        self.check_choices()
        if self.fusion_sites != tuple(sorted(set(self.fusion_sites) & {1, 2, 3})):
            raise ConfigurationError(
                f'fusion_sites is {self.fusion_sites}: list some of 1, 2, 3 in this order')
        if self.modulation_forward == self.modulation_gradient == 'addition':
            raise ConfigurationError(
                "modulation that adds both forward and backward is an addition: set fusion 'add'")
        if self.trunk_stride not in (1, 2):
            raise ConfigurationError(f'trunk_stride is {self.trunk_stride}: choose 1 or 2')
        if self.feature_channels < 8 or self.feature_channels % 8:
            raise ConfigurationError(
                f'feature_channels is {self.feature_channels}: needs a positive multiple of 8')
        if any(length % 4 for length in self.grid_shape):
            raise ConfigurationError(f'grid_shape {self.grid_shape} must be divisible by 4')
        if self.augmentation_swap and self.grid_shape[0] != self.grid_shape[2]:
            raise ConfigurationError(
                f'grid_shape {self.grid_shape} is not square, so that its horizontal axes cannot '
                'be swapped: set augmentation_swap to false')

    @property
    def reads_label_maps(self) -> bool:
        """Whether a label map is read in the place of the image."""
        return self.encoder == 'labels'

    @property
    def num_voxels(self) -> int:
        """Voxels of the label grid."""
        x, y, z = self.grid_shape
        return x * y * z
