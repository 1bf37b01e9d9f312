"""What the network takes and returns."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ssc_ros.errors import ConfigurationError

IMAGE_MEAN = (123.675, 116.28, 103.53)
IMAGE_STD = (58.395, 57.12, 57.375)
HHA_MEAN = (0.5282, 0.3914, 0.4266)
HHA_STD = (0.1945, 0.2480, 0.1506)


class ImenetInputs(NamedTuple):
    """
    A batch of frames; None where no part of the network reads it.

    (H, W) is the configuration's ``image_size``, (h, w) its ``work_size``, (X, Y, Z) its grid.

    Attributes:
        voxel_of_pixel: (B, H, W) int32 or int64: flat index, in C order, of the voxel that holds
            the pixel's point; -1 = none.
        nonfree: (B, X, Y, Z) bool: surface or hidden, any TSDF cell of the voxel not in front of
            a surface. Outside it labels are empty, whatever the voxel network says.
        tsdf: (B, 1, x, y, z) float of the configuration's ``tsdf_shape``: flipped as in SSCNet at
            4 cells per voxel edge, else as in ``geometry.compute_tsdf``.
        image: (B, 3, h, w) float RGB as :func:`normalize_image` makes it.
        full_image: (B, 3, H, W), the same, for the encoder of 3D-Sketch.
        hha: (B, 3, h, w) float, as :func:`normalize_hha` makes it.
        label_map: (B, h, w) uint8 map of another network, of ``label_map_classes`` ids.
        ray_voxels: (B, ray_steps, h, w) int32: voxels along the ray of a pixel, in the order in
            which they are asked; -1 = outside. Read with look-up ``march`` alone.
        pixel_of_voxel: (B, N) int64: the pixel, row * W + column, that a visible voxel owns; H *
            W where it owns none. Of vote ``maxindex`` and 3D-Sketch.
        pixel_labels: (B, h, w) uint8, final labels of a network without image network.
        voxel_labels: (B, X, Y, Z) uint8, final labels of a network without voxel network; 255
            counts as empty.
        sketch: (B, X, Y, Z) uint8 true sketch, for training 3D-Sketch alone: 1 where semantics
            change, 255 = unknown.
    """

    voxel_of_pixel: Tensor
    nonfree: Tensor
    tsdf: Tensor | None = None
    image: Tensor | None = None
    full_image: Tensor | None = None
    hha: Tensor | None = None
    label_map: Tensor | None = None
    ray_voxels: Tensor | None = None
    pixel_of_voxel: Tensor | None = None
    pixel_labels: Tensor | None = None
    voxel_labels: Tensor | None = None
    sketch: Tensor | None = None


class SketchOutput(NamedTuple):
    """
    What 3D-Sketch says besides scores.

    Attributes:
        raw_logits: (B, 2, X, Y, Z) of the first stage.
        prior_logits: (B, 2, X, Y, Z), mean over samples of the prior (``sketch_gsnn``).
        posterior_logits: the same over samples that saw the true sketch; None in evaluation.
        mean, log_variance: (B, 16, X/4, Y/4, Z/4) of the posterior; None in evaluation.
    """

    raw_logits: Tensor
    prior_logits: Tensor
    posterior_logits: Tensor | None = None
    mean: Tensor | None = None
    log_variance: Tensor | None = None


class CoarseScores(NamedTuple):
    """
    What the two networks say on their own; once per frame.

    Attributes:
        f2d: (B, num_classes, h, w) logits of pixels; None where labels come with the inputs.
        f3d: (B, num_classes, X, Y, Z) logits of voxels; the same.
        sketch: of a network with 3D-Sketch.
    """

    f2d: Tensor | None
    f3d: Tensor | None
    sketch: SketchOutput | None = None


class Iteration(NamedTuple):
    """
    Scores and labels after one iteration; the first one, of index 0, holds the coarse scores.

    Attributes:
        f2d: (B, num_classes, h, w) refined logits of pixels; None without image network.
        f3d: (B, num_classes, X, Y, Z) refined logits of voxels; None without voxel network.
        labels2d: (B, h, w) uint8 classes of pixels, never 0 where predicted.
        labels3d: (B, X, Y, Z) uint8 classes of voxels, 0 = empty; always so outside ``nonfree``.
    """

    f2d: Tensor | None
    f3d: Tensor | None
    labels2d: Tensor | None
    labels3d: Tensor | None


class ImenetOutput(NamedTuple):
    """
    All that was said.

    Attributes:
        coarse: what both networks say on their own.
        iterations: of the loop, oldest first; iteration t has index t.
    """

    coarse: CoarseScores
    iterations: tuple[Iteration, ...]

    @property
    def final(self) -> Iteration:
        """What the last iteration says."""
        return self.iterations[-1]


def required(inputs: ImenetInputs, field: str) -> Tensor:
    """
    Return a field that some part of the network reads.

    Raises:
        ConfigurationError: it is None.
    """
    value: Tensor | None = getattr(inputs, field)
    if value is None:
        raise ConfigurationError(
            f'this configuration reads {field!r}, which the inputs do not hold: prepare them with '
            'the configuration of the network')
    return value


def normalize_image(image: Tensor) -> Tensor:
    """Turn (B, 3, H, W) RGB of 0..255, any dtype, into the float image the network takes."""
    mean = torch.tensor(IMAGE_MEAN, device=image.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGE_STD, device=image.device).view(1, 3, 1, 1)
    return (image.float() - mean) / std


def normalize_hha(hha: Tensor) -> Tensor:
    """Turn a (B, 3, H, W) HHA encoding of 0..255 into what the network takes."""
    mean = torch.tensor(HHA_MEAN, device=hha.device).view(1, 3, 1, 1)
    std = torch.tensor(HHA_STD, device=hha.device).view(1, 3, 1, 1)
    return (hha.float() / 255 - mean) / std
