"""The decoder, which takes depth features by parity and never holds a whole wide volume."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ssc_ros.models.ammnet.decoder import VoxelDecoder
from ssc_ros.models.ammnet.inference.modulation import ModulationSite
from ssc_ros.models.ammnet.inference.sparse_volume import VoxelRows
from ssc_ros.models.layers.linear import linear, matrix_of, stacked
from ssc_ros.models.layers.parity_upsample import PARITIES, Parity, ParityUpsample

Shape = tuple[int, int, int, int]  # samples, X, Y, Z


def _volume(rows: Tensor, shape: Shape) -> Tensor:
    """View (B * X * Y * Z, C) as (B, C, X, Y, Z)."""
    return rows.view(*shape, -1).permute(0, 4, 1, 2, 3)


class DecoderEntry(nn.Module):
    """
    First fusion, and the linear layers of the strided bottlenecks that read full resolution.

    Those are the decoder's own entry and, where the depth features are needed at lower
    resolution, theirs: each has a layer of every voxel (``reduce``) and one of pooled voxels
    (``shortcut``).
    """

    def __init__(self, decoder: VoxelDecoder, site: nn.Module | None) -> None:
        super().__init__()
        own: Any = decoder.encode_middle[0]
        blocks: list[Any] = [own, *([decoder.lower_depth[0]] if _lowers(decoder) else [])]
        reduce, shortcut = matrix_of(own.reduce), matrix_of(own.shortcut[1])
        self.widths = [block.reduce.out_channels for block in blocks]
        self.site = ModulationSite(site, reduce[0].shape[1])
        self.reduce_depth = stacked(
            self.site.shifted(reduce), *(matrix_of(block.reduce) for block in blocks[1:]))
        self.skip_depth = stacked(
            self.site.shifted(shortcut), *(matrix_of(block.shortcut[1]) for block in blocks[1:]))
        self.reduce_image, self.skip_image = linear(reduce[0]), linear(shortcut[0])

    def forward(
        self, depth: Iterator[tuple[Parity, Tensor]], image: Mapping[Parity, VoxelRows],
        shape: Shape,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """
        Return what ``Bottleneck3D.finish`` takes, for each bottleneck; shortcuts in float32.

        Args:
            depth, image: features of all parities.
            shape: of the volumes of half resolution.
        """
        full = shape[0], *(2 * length for length in shape[1:])
        some = image[PARITIES[0]].values
        reduced = [some.new_empty(*full, width) for width in self.widths]
        pooled_depth = some.new_zeros(shape[0] * shape[1] * shape[2] * shape[3], some.shape[1],
                                      dtype=torch.float32)
        pooled_image = torch.zeros_like(pooled_depth)
        for parity, rows in depth:
            joint = self.reduce_depth(rows)
            pooled_depth += rows
            self._add_image(image[parity], rows, joint, pooled_image)
            for target, part in zip(reduced, joint.relu_().split(self.widths, 1), strict=True):
                parity.of(target).copy_(part.view(*shape, -1))
        skipped = self.skip_depth(pooled_depth.div_(len(PARITIES)))
        own = skipped[:, :len(self.skip_image.weight)]
        own += self.skip_image(pooled_image.div_(len(PARITIES)))
        return ([volume.permute(0, 4, 1, 2, 3) for volume in reduced],
                [_volume(part.contiguous(), shape)
                 for part in skipped.split(len(self.skip_image.weight), 1)])

    def _add_image(
        self, image: VoxelRows, depth: Tensor, joint: Tensor, pooled: Tensor,
    ) -> None:
        """Add the image's part of the fusion after the layer, and to the pooled sum."""
        row, own = image.row, joint[:, :self.widths[0]]
        scaled = self.site.scaled(image.values, depth if row is None else depth[row])
        if row is None:
            own += self.reduce_image(scaled)
            pooled += scaled
        else:
            own.index_add_(0, row, self.reduce_image(scaled))
            pooled.index_add_(0, row, scaled.float())


class DecoderExit(nn.Module):
    """Last upsampling, third fusion and classifier."""

    def __init__(self, decoder: VoxelDecoder, site: nn.Module | None) -> None:
        super().__init__()
        classify = matrix_of(decoder.classify[1])
        self.up = ParityUpsample(decoder.up_full)
        self.site, self.raise_depth = None, None
        self.classify = linear(*classify)
        self.classify_depth: nn.Linear | None = None
        if site is not None:
            self.site = ModulationSite(site, classify[0].shape[1])
            self.raise_depth = ParityUpsample(decoder.raise_depth)
            self.classify = linear(classify[0])
            self.classify_depth = linear(*self.site.shifted(classify))

    def forward(self, features: Tensor, lower: Tensor | None) -> Tensor:
        """Return float32 scores (B, classes, X, Y, Z) of two volumes of half the resolution."""
        shape = len(features), *features.shape[2:]
        full = shape[0], *(2 * length for length in shape[1:])
        scores = features.new_empty(*full, len(self.classify.weight), dtype=torch.float32)
        depths = self.raise_depth(lower) if self.raise_depth is not None else (
            (parity, None) for parity in PARITIES)
        for (parity, rows), (_, depth) in zip(self.up(features), depths, strict=True):
            if self.site is not None and self.classify_depth is not None:
                rows = self.site.scaled(rows, depth)
                result = self.classify(rows.float()) + self.classify_depth(depth.float())
            else:
                result = self.classify(rows.float())
            parity.of(scores).copy_(result.view(*shape, -1))
        return scores.permute(0, 4, 1, 2, 3)


class FastDecoder(nn.Module):
    """What ``VoxelDecoder`` computes; its batch norms are folded already."""

    def __init__(self, decoder: VoxelDecoder) -> None:
        super().__init__()
        sites: dict[str, nn.Module] = dict(decoder.fusions.items())
        self.entry = DecoderEntry(decoder, sites.get('1'))
        self.exit = DecoderExit(decoder, sites.get('3'))
        first: Any = decoder.encode_middle[0]
        self.first = first
        self.middle = nn.Sequential(*list(decoder.encode_middle)[1:])
        self.coarse = decoder.encode_coarse
        self.up_middle = ParityUpsample(decoder.up_middle)
        self.fuse_middle = sites.get('2')
        self.lower: nn.ModuleList | None = None
        if _lowers(decoder):
            self.lower = nn.ModuleList([decoder.lower_depth[0], decoder.lower_depth[1]])
            self.raise_lower = ParityUpsample(decoder.lower_depth[2:])

    def precise_parts(self) -> tuple[nn.Module, ...]:
        """
        Return what must stay in single precision.

        Rounding them costs the most labels: their residual sums are read by all that follows,
        and scores rounded to bfloat16 tie.
        """
        parts = (self.entry.skip_depth, self.entry.skip_image, self.middle, self.coarse,
                 self.exit.classify, self.exit.classify_depth)
        return tuple(part for part in parts if part is not None)

    def forward(
        self, image: Mapping[Parity, VoxelRows], depth: Iterator[tuple[Parity, Tensor]],
        shape: Shape,
    ) -> Tensor:
        """
        Return float32 scores (B, classes, X, Y, Z).

        Args:
            image, depth: features of all parities.
            shape: samples and size of the volumes of half resolution.
        """
        reduced, skipped = self.entry(depth, image, shape)
        dtype = reduced[0].dtype
        middle = self.middle(self.first.finish(reduced[0], skipped[0]))
        raised = middle + self.up_middle.whole(self.coarse(middle).to(dtype))
        lower = None
        if self.lower is not None:
            lowered: Any = self.lower
            lower = self.raise_lower.whole(
                lowered[1](lowered[0].finish(reduced[1], skipped[1].to(dtype))))
        if self.fuse_middle is not None and lower is not None:
            raised = self.fuse_middle(raised, lower)
        scores: Tensor = self.exit(raised.to(dtype), lower)
        return scores


def _lowers(decoder: VoxelDecoder) -> bool:
    return hasattr(decoder, 'lower_depth')
