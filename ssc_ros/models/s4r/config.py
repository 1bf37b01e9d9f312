"""Configuration of an S4R network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.network_config import NetworkConfig

NormOrder = Literal['norm_first', 'activation_first']
ColorSpace = Literal['rgb', 'lab']

ENCODERS = ('geometry', 'color')
DECODERS = ('geometry', 'color', 'semantics')


@dataclass(frozen=True, slots=True, kw_only=True)
class S4rConfig(NetworkConfig):
    """
    Everything that shapes an S4R network.

    The widths are ours: the paper's layer table is not public. What it states is a code of
    128 x 8 x 4 x 4 for a chunk of 128 x 64 x 64 voxels, and as many blocks in every branch.

    Attributes:
        name: of the configuration, for reports.
        label_space: name of the label space; ``num_classes`` counts its ids. It has no empty
            class: geometry says what is empty.
        voxel_size_m: of the fused volume; distances are counted in voxels.
        chunk_shape: (Z, Y, X) voxels that are completed at once; the first axis points up, and
            the floor lies near its third voxel.
        channels: width of every level; each halves the resolution of the one before.
        encoders: ``geometry`` alone is blind to colours.
        decoders: what is predicted, some of ``geometry``, ``color``, ``semantics``.
        input_flags: both encoders see which voxels were observed, too; the paper tells of
            distances and colours alone.
        has_occupancy: the geometry decoder also tells how probably a surface is near; ours.
        norm_order: of a block, convolution, norm and activation (``norm_first``), or the norm
            last (``activation_first``, SPSG).
        color_space: of colours inside the network: sRGB, or CIELAB brought to [0, 1].
        zeroes_residuals: every residual block starts as its shortcut.
        adds_to_input: the geometry decoder says what to add to measured distances, so that short
            trainings need not learn to repeat them; the paper's says the distances themselves.
    """

    network_title: ClassVar = 'S4R'
    choices: ClassVar = {
        'encoders': (ENCODERS, ENCODERS[:1]),
        'norm_order': ('norm_first', 'activation_first'),
        'color_space': ('rgb', 'lab'),
    }

    label_space: str = 'matterport11'
    num_classes: int = 11
    voxel_size_m: float = 0.02
    chunk_shape: tuple[int, int, int] = (128, 64, 64)
    channels: tuple[int, ...] = (8, 16, 32, 64, 128)
    encoders: tuple[str, ...] = ENCODERS
    decoders: tuple[str, ...] = DECODERS
    input_flags: bool = True
    has_occupancy: bool = True
    norm_order: NormOrder = 'norm_first'
    color_space: ColorSpace = 'rgb'
    zeroes_residuals: bool = False
    adds_to_input: bool = False

    def __post_init__(self) -> None:
        self.check_choices()
        if not self.decoders or self.decoders != tuple(
                each for each in DECODERS if each in self.decoders):
            raise ConfigurationError(
                f'decoders is {self.decoders}: list some of {", ".join(DECODERS)} in this order')
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ConfigurationError(
                f'channels is {self.channels}: give a width for each of at least two levels')
        if any(length % self.stride for length in self.chunk_shape):
            raise ConfigurationError(
                f'chunk_shape {self.chunk_shape} must be divisible by {self.stride}, the stride '
                f'of {len(self.channels)} levels')
        if not self.voxel_size_m > 0:
            raise ConfigurationError(f'voxel_size_m is {self.voxel_size_m}: must be positive')

    @property
    def stride(self) -> int:
        """Voxels along an edge of what one position of the code stands for."""
        return int(2 ** (len(self.channels) - 1))

    @property
    def reads_colors(self) -> bool:
        """Whether the colours of the input matter."""
        return 'color' in self.encoders
