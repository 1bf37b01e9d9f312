"""Configuration of an IMENet network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.network_config import NetworkConfig

ImageNetwork = Literal['seg2dnet', 'seg2dnet-rgbd', 'lite0', 'labels', 'none']
VoxelNetwork = Literal['sscnet', 'sketch', 'small', 'none']
SketchEncoder = Literal['resnet50', 'lite0']
LoopOrder = Literal['3d_first', '2d_first']
EvidenceInput = Literal['label', 'onehot']
AttentionMode = Literal['global', 'column', 'danet', 'off']
AttentionScale = Literal['none', 'dim', 'sqrt']
AttentionGamma = Literal['one', 'learned0']
Lookup = Literal['exact', 'march']
Vote = Literal['majority', 'maxindex']
Unmapped = Literal['zero', 'class0']

MAX_ITERATIONS = 6
# Half a voxel, as the ray of `proj_lookup` 'march' is searched.
MARCH_STEP_M = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class ImenetConfig(NetworkConfig):
    """
    Everything that shapes an IMENet network.

    How it is trained (rounds, crossfit, auxiliary losses) is no part of it.

    Attributes:
        name: of the configuration, for reports.
        label_space: name of the label space. Ids of pixels are those of voxels; 0 is empty for a
            voxel and unlabelled for a pixel. ``num_classes`` counts all of them.
        placement: rule that puts the voxel box before the camera.
        grid_shape, voxel_size_m, axis_order: the label array (see ``geometry.VoxelGrid``).
        image_size: (height, width) of camera images, whose pixels ``voxel_of_pixel`` counts.
        work_size: (height, width) at which images are segmented.
        image_network: gives the coarse scores of pixels. ``seg2dnet`` as published,
            ``seg2dnet-rgbd`` with a second encoder for HHA, ``lite0`` for robots, ``labels``
            weighs a map of ``label_map_classes`` ids that another network made; ``none`` where
            final labels come with the inputs, if anything reads them: the ground truth in 2DGT.
        voxel_network: gives the coarse scores of voxels: ``sscnet``, ``sketch`` (3D-Sketch), or
            ``small`` for robots; ``none`` where labels come with the inputs: 3DGT.
        tsdf_subdivision: cells of the TSDF per voxel edge. 4 gives the flipped 240x144x240
            volume of SSCNet, 1 the averages at the grid's resolution of 3D-Sketch.
        voxel_channels: width of the voxel network: 64 in SSCNet, 128 in 3D-Sketch.
        sketch_encoder: of the image inside 3D-Sketch; never trained as published.
        freezes_sketch_encoder: no gradient to it; its batch statistics still follow.
        sketch_samples: of the prior of the sketch, averaged. In evaluation always the same ones.
        iterations: of the loop in inference, unless it is told otherwise.
        loop_order: which branch an iteration refines first.
        has_dcp2d: refine pixels with labels of voxels (DCP, Eq. 1).
        has_dda: refine voxels with labels of pixels and attention over depth (DDA, Eq. 2).
        dcp_input: what deformable convolutions see: one channel of class ids over 11 (``label``)
            or one channel per class.
        dcp2d_channels, dcp2d_rates, dcp3d_channels, dcp3d_rates: width of the two pyramids and
            dilation of their branches.
        dcp3d_grid: run the 3D pyramid on the whole grid, or on a pooled one of half resolution.
        dcp3d_masked: run it where there is no free space alone; elsewhere it adds nothing.
        deform_impl: ``plain`` puts dilated convolutions in the place of deformable ones.
        deform_groups: of channels that move together.
        attn_mode: attention between slices (``global``), between the voxels of one column, its
            variant with reversed affinity, or none.
        attn_scale: divide the affinity by nothing, the vector length, or its root.
        attn_gamma: factor on the attention term: 1, or learned from 0.
        attn_masked: set free space to 0 before attention.
        proj_lookup: a pixel takes the label of the voxel of its point, or of the first one that
            is not empty within ``proj_march_m`` along its ray.
        proj_vote: a voxel takes the majority of its pixels' labels, or the last pixel's.
        proj_unmapped: pixels and voxels without evidence get no class at all, or class 0.
    """

    network_title: ClassVar = 'IMENet'
    choices: ClassVar = {
        'image_network': ('seg2dnet', 'seg2dnet-rgbd', 'lite0', 'labels', 'none'),
        'voxel_network': ('sscnet', 'sketch', 'small', 'none'),
        'tsdf_subdivision': (1, 4),
        'sketch_encoder': ('resnet50', 'lite0'),
        'iterations': tuple(range(MAX_ITERATIONS + 1)),
        'loop_order': ('3d_first', '2d_first'),
        'dcp_input': ('label', 'onehot'),
        'dcp3d_grid': ('full', 'half'),
        'deform_impl': ('deformable', 'plain'),
        'attn_mode': ('global', 'column', 'danet', 'off'),
        'attn_scale': ('none', 'dim', 'sqrt'),
        'attn_gamma': ('one', 'learned0'),
        'proj_lookup': ('exact', 'march'),
        'proj_vote': ('majority', 'maxindex'),
        'proj_unmapped': ('zero', 'class0'),
    }

    label_space: str = 'nyu12'
    num_classes: int = 12
    placement: Literal['nyu'] = 'nyu'
    grid_shape: tuple[int, int, int] = (60, 36, 60)
    voxel_size_m: float = 0.08
    axis_order: Literal['xzy'] = 'xzy'
    image_size: tuple[int, int] = (480, 640)
    work_size: tuple[int, int] = (288, 384)
    image_network: ImageNetwork = 'seg2dnet'
    label_map_classes: int = 14
    voxel_network: VoxelNetwork = 'sscnet'
    tsdf_subdivision: Literal[1, 4] = 4
    voxel_channels: int = 64
    sketch_encoder: SketchEncoder = 'resnet50'
    freezes_sketch_encoder: bool = True
    sketch_samples: int = 4
    iterations: int = 3
    loop_order: LoopOrder = '3d_first'
    has_dcp2d: bool = True
    has_dda: bool = True
    dcp_input: EvidenceInput = 'label'
    dcp2d_channels: int = 64
    dcp2d_rates: tuple[int, ...] = (1, 3, 5, 7)
    dcp3d_channels: int = 32
    dcp3d_rates: tuple[int, ...] = (1, 3, 5)
    dcp3d_grid: Literal['full', 'half'] = 'full'
    dcp3d_masked: bool = False
    deform_impl: Literal['deformable', 'plain'] = 'deformable'
    deform_groups: int = 1
    attn_mode: AttentionMode = 'global'
    attn_scale: AttentionScale = 'none'
    attn_gamma: AttentionGamma = 'one'
    attn_masked: bool = False
    proj_lookup: Lookup = 'exact'
    proj_march_m: float = 0.16
    proj_vote: Vote = 'majority'
    proj_unmapped: Unmapped = 'zero'

    def __post_init__(self) -> None:
        self.check_choices()
        self._check_sizes()
        self._check_branches()

    def _check_sizes(self) -> None:
        if any(length % 32 for length in self.work_size):
            raise ConfigurationError(f'work_size {self.work_size} must be divisible by 32')
        if any(length % 4 for length in self.grid_shape):
            raise ConfigurationError(f'grid_shape {self.grid_shape} must be divisible by 4')
        if self.voxel_channels < 8 or self.voxel_channels % 8:
            raise ConfigurationError(
                f'voxel_channels is {self.voxel_channels}: needs a positive multiple of 8')
        if self.sketch_samples < 1:
            raise ConfigurationError(f'sketch_samples is {self.sketch_samples}: take at least 1')

    def _check_branches(self) -> None:
        expected = 4 if self.voxel_network == 'sscnet' else 1
        if self.voxel_network != 'none' and self.tsdf_subdivision != expected:
            raise ConfigurationError(
                f'voxel_network {self.voxel_network!r} reads a TSDF of {expected} cells per voxel '
                f'edge: set tsdf_subdivision to {expected}')
        if self.has_dcp2d and self.image_network == 'none':
            raise ConfigurationError(
                'without an image network there are no pixels to refine: set has_dcp2d to false')
        if self.has_dda and self.voxel_network == 'none':
            raise ConfigurationError(
                'without a voxel network there are no voxels to refine: set has_dda to false')
        if self.image_network == self.voxel_network == 'none':
            raise ConfigurationError('there is neither an image nor a voxel network: name one')

    @property
    def reads_image(self) -> bool:
        """Whether colours are read by any part."""
        return self.image_network in ('seg2dnet', 'seg2dnet-rgbd', 'lite0') or (
            self.voxel_network == 'sketch')

    @property
    def tsdf_shape(self) -> tuple[int, int, int]:
        """Cells of the TSDF that the voxel network reads."""
        x, y, z = (length * self.tsdf_subdivision for length in self.grid_shape)
        return x, y, z

    @property
    def num_voxels(self) -> int:
        """Voxels of the label grid."""
        x, y, z = self.grid_shape
        return x * y * z

    @property
    def ray_steps(self) -> int:
        """Voxels that are looked up for a pixel: its own, and those in front and behind."""
        if self.proj_lookup == 'exact':
            return 1
        return 1 + 2 * round(self.proj_march_m / MARCH_STEP_M)
