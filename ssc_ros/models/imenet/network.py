"""The IMENet network."""

from __future__ import annotations

from torch import Tensor, nn

from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.inputs import CoarseScores, ImenetInputs, ImenetOutput


class ImenetNetwork(nn.Module):
    """
    Frames in, labels of pixels and voxels out, after any number of iterations.

    Attributes:
        image, voxel: the networks of either branch; None where labels come with the inputs.
        refine2d: the DCP of pixels; None without it.
        refine3d: the DDA of voxels, its DCP included; None without it.
    """

    def __init__(self, config: ImenetConfig) -> None:
        super().__init__()
        self.config = config

    def coarse(self, inputs: ImenetInputs) -> CoarseScores:
        """Run both networks; neither sees the other."""
        raise NotImplementedError

    def step3d(self, f3d: Tensor, labels2d: Tensor, inputs: ImenetInputs) -> Tensor:
        """Return refined (B, num_classes, X, Y, Z) scores, given labels (B, h, w) of pixels."""
        raise NotImplementedError

    def step2d(self, f2d: Tensor, labels3d: Tensor, inputs: ImenetInputs) -> Tensor:
        """Return refined (B, num_classes, h, w) scores, given labels (B, X, Y, Z) of voxels."""
        raise NotImplementedError

    def run(self, inputs: ImenetInputs, iterations: int | None = None) -> ImenetOutput:
        """Run networks and loop; by default as often as the configuration says."""
        raise NotImplementedError
