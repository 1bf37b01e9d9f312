"""The IMENet network."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.inputs import (
    CoarseScores,
    ImenetInputs,
    ImenetOutput,
    SketchOutput,
    required,
)
from ssc_ros.models.imenet.loop import iterate
from ssc_ros.models.imenet.refiners import PixelRefiner, VoxelRefiner
from ssc_ros.models.imenet.segmentation import make_image_network
from ssc_ros.models.imenet.sketch import SketchSSC
from ssc_ros.models.imenet.sscnet import SmallSSCNet, SSCNet


def make_voxel_network(config: ImenetConfig) -> SSCNet | SmallSSCNet | SketchSSC | None:
    """Build the voxel network of a configuration, with random weights; None where it has none."""
    if config.voxel_network == 'none':
        return None
    if config.voxel_network == 'sketch':
        return SketchSSC(config)
    kind = SSCNet if config.voxel_network == 'sscnet' else SmallSSCNet
    return kind(config.num_classes, config.voxel_channels)


class ImenetNetwork(nn.Module):
    """
    Frames in, labels of pixels and voxels out, after any number of iterations.

    Attributes:
        image, voxel: the networks of either branch; None where labels come with the inputs.
        refine2d: the DCP of pixels; None without it.
        refine3d: the DDA of voxels, its DCP included; None without it.
    """

    image: Any
    voxel: Any

    def __init__(self, config: ImenetConfig) -> None:
        super().__init__()
        self.config = config
        self.image = make_image_network(config)
        self.voxel = make_voxel_network(config)
        self.refine2d = PixelRefiner(config) if config.has_dcp2d else None
        self.refine3d = VoxelRefiner(config) if config.has_dda else None

    def coarse2d(self, inputs: ImenetInputs) -> Tensor | None:
        """Return the scores (B, num_classes, h, w) of the image network alone."""
        if self.image is None:
            return None
        scores: Tensor = self.image(*(required(inputs, field) for field in self.image.reads))
        return scores

    def coarse3d(self, inputs: ImenetInputs) -> tuple[Tensor | None, SketchOutput | None]:
        """Return the scores (B, num_classes, X, Y, Z) of the voxel network alone, and sketches."""
        if self.voxel is None:
            return None, None
        arguments = [required(inputs, field) for field in self.voxel.reads]
        if not isinstance(self.voxel, SketchSSC):
            return self.voxel(*arguments), None
        scores, sketches = self.voxel(*arguments, inputs.sketch if self.voxel.training else None)
        return scores, sketches

    def coarse(self, inputs: ImenetInputs) -> CoarseScores:
        """
        Run both networks; neither sees the other.

        Raises:
            ConfigurationError: a part of the inputs is missing.
        """
        return CoarseScores(self.coarse2d(inputs), *self.coarse3d(inputs))

    def step3d(self, f3d: Tensor, labels2d: Tensor, inputs: ImenetInputs) -> Tensor:
        """Return refined (B, num_classes, X, Y, Z) scores, given labels (B, h, w) of pixels."""
        return f3d if self.refine3d is None else self.refine3d(f3d, labels2d, inputs)

    def step2d(self, f2d: Tensor, labels3d: Tensor, inputs: ImenetInputs) -> Tensor:
        """Return refined (B, num_classes, h, w) scores, given labels (B, X, Y, Z) of voxels."""
        return f2d if self.refine2d is None else self.refine2d(f2d, labels3d, inputs)

    def run(self, inputs: ImenetInputs, iterations: int | None = None) -> ImenetOutput:
        """
        Run networks and loop.

        Args:
            inputs: a batch.
            iterations: 0 to 6; as the configuration says by default.
        """
        coarse = self.coarse(inputs)
        count = self.config.iterations if iterations is None else iterations
        return ImenetOutput(coarse, iterate(
            self, coarse, inputs, iterations=count, order=self.config.loop_order))

    def forward(self, inputs: ImenetInputs, iterations: int | None = None) -> ImenetOutput:
        """Do what :meth:`run` does."""
        return self.run(inputs, iterations)
