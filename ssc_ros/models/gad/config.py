"""Configuration of a GAD network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.network_config import NetworkConfig

Encoder = Literal['torchvision', 'fcrn', 'lite0']
InputNorm = Literal['imagenet', 'unit']
Gap = Literal['affinity', 'local', 'conv', 'vanconv', 'none']
Tap = Literal['first', 'last']
SpfInput = Literal['encoder', 'feature']
DepthSpace = Literal['metric', 'log']


@dataclass(frozen=True, slots=True, kw_only=True)
class GadConfig(NetworkConfig):
    """
    Everything that shapes a GAD network.

    Attributes:
        name: of the configuration, for reports.
        label_space: name of the label space. The network's ids are its ids plus 1, and 0 =
            unlabelled; ``num_classes`` counts all of them.
        image_size: (height, width) that images are resized to before the network.
        crop_size: (height, width) cut out of the resized image, at random in training and the
            middle in tests; None uses all of it.
        input_norm: 8-bit images divided by 255, and then minus ImageNet's mean over its deviation
            (``imagenet``), or not (``unit``, the authors' release).
        input_channels: 3, or 6 with the HHA encoding of measured depth behind the colours.
        encoder: ResNet-50 as ``torchvision`` has it, or as the release does (``fcrn``: padding of
            4 and a bias in the first convolution, none in the pool, strides in the first 1x1
            convolution of a stage), or EfficientNet-Lite0 for robots.
        encoder_divisor: divides all widths of a ResNet, for quick experiments.
        neck_channels, decoder_channels: widths of what enters the decoders and of what each of
            their up-projection blocks returns; the last is also that of GAP and SPF.
        has_depth: has a depth decoder and so a depth embedding.
        propagates_features: FeatProp: depth features are added in the semantic decoder.
        gap: geometry-aware propagation: ``affinity`` over all positions (the release), ``local``
            over a window of ``gap_window`` positions a side, ``conv`` a gate without neighbours,
            ``vanconv`` a convolution of both features (an ablation), or ``none``.
        gap_channels: of the affinity.
        gap_pool: pool keys and values of the affinity by this factor first.
        has_spf: skip pyramid fusion; the finest of its outputs is then the segmentation.
        spf_tap: encoder maps that it fuses, from the ``first`` block of each stage (the release)
            or the ``last`` one.
        spf_reduces: whether the 1x1 convolution of each level is on the ``encoder`` map (the
            release) or on the distilled ``feature`` (the paper's prose).
        depth_space: the depth head returns metres (``metric``) or their logarithm (``log``).
        masks_unlabelled: id 0 is never an answer; the release lets it be one.
        keeps_unused_parameters: own the parameters of the release that nothing reads.
    """

    network_title: ClassVar = 'GAD'
    choices: ClassVar = {
        'encoder': ('torchvision', 'fcrn', 'lite0'),
        'input_norm': ('imagenet', 'unit'),
        'gap': ('affinity', 'local', 'conv', 'vanconv', 'none'),
        'gap_pool': (1, 2),
        'spf_tap': ('first', 'last'),
        'spf_reduces': ('encoder', 'feature'),
        'depth_space': ('metric', 'log'),
        'input_channels': (3, 6),
    }

    label_space: str = 'nyu40'
    num_classes: int = 41
    image_size: tuple[int, int] = (240, 320)
    crop_size: tuple[int, int] | None = None
    input_norm: InputNorm = 'imagenet'
    input_channels: int = 3
    encoder: Encoder = 'torchvision'
    encoder_divisor: int = 1
    neck_channels: int = 1024
    decoder_channels: tuple[int, ...] = (512, 256, 128, 64)
    has_depth: bool = True
    propagates_features: bool = True
    gap: Gap = 'affinity'
    gap_channels: int = 32
    gap_pool: int = 1
    gap_window: int = 7
    has_spf: bool = True
    spf_tap: Tap = 'first'
    spf_reduces: SpfInput = 'encoder'
    depth_space: DepthSpace = 'metric'
    masks_unlabelled: bool = True
    keeps_unused_parameters: bool = False

    def __post_init__(self) -> None:
        self.check_choices()
        self._check_sizes()
        if not self.has_depth and (self.propagates_features or self.gap != 'none'):
            raise ConfigurationError(
                'without a depth decoder there is nothing to propagate: set propagates_features '
                "to false and gap to 'none', or has_depth to true")
        if self.encoder == 'lite0' and (self.spf_tap, self.input_channels) != ('last', 3):
            raise ConfigurationError(
                "encoder 'lite0' takes colours and is tapped behind its stages: set "
                "input_channels to 3 and spf_tap to 'last'")

    def _check_sizes(self) -> None:
        if self.crop_size is not None and any(
                crop > whole
                for crop, whole in zip(self.crop_size, self.image_size, strict=True)):
            raise ConfigurationError(
                f'crop_size {self.crop_size} is larger than image_size {self.image_size}')
        if self.encoder_divisor not in (1, 2, 4, 8, 16):
            raise ConfigurationError(
                f'encoder_divisor is {self.encoder_divisor}: choose 1, 2, 4, 8 or 16')
        if self.gap_window < 1 or self.gap_window % 2 == 0:
            raise ConfigurationError(f'gap_window is {self.gap_window}: needs an odd number')
        if not self.decoder_channels or min(self.decoder_channels, default=0) < 1:
            raise ConfigurationError(
                f'decoder_channels is {self.decoder_channels}: give a width for every block')

    @property
    def network_size(self) -> tuple[int, int]:
        """(height, width) of the images that the network sees."""
        return self.image_size if self.crop_size is None else self.crop_size
