"""One moment of a map: what was measured and what was inferred, kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ssc_ros.fusion.completion import NO_LABEL, Completion
from ssc_ros.fusion.mesh import MeshLayers, SceneMesh, surface_mesh
from ssc_ros.fusion.rolling_arrays import Plane
from ssc_ros.fusion.scene_volume import SURFACE_VOXELS, TRUNCATION_VOXELS, SceneVolume


@dataclass(frozen=True, eq=False)
class SurfaceVoxels:
    """
    Voxels that a surface passes through.

    Attributes:
        points: (N, 3) float64 centres in the world, metres.
        labels, confidence: (N,) uint8, and float32 with NaN where there is no label.
        rgb: (N, 3) uint8 as seen, or as the network colours what was not seen.
        observed: (N,) bool: measured, not inferred.
    """

    points: NDArray[np.float64]
    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    observed: NDArray[np.bool_]

    def chosen(self, is_chosen: NDArray[np.bool_]) -> SurfaceVoxels:
        """Return some of them."""
        return SurfaceVoxels(
            self.points[is_chosen], self.labels[is_chosen], self.confidence[is_chosen],
            self.rgb[is_chosen], self.observed[is_chosen])


@dataclass(frozen=True, eq=False)
class MapView:
    """
    A copy of a map; what is derived is computed at first use.

    What was measured is never overruled: the network tells geometry and colour only of voxels
    that no frame has seen, free space included; labels are its own everywhere.

    Attributes:
        volume: what was fused.
        completion: what the network said, of the same voxels.
        start: (y, x) of its first column in the lattice of the map.
        stamp_ns: of the newest frame in it, 0 = none.
    """

    volume: SceneVolume
    completion: Completion
    start: Plane = (0, 0)
    stamp_ns: int = 0

    @cached_property
    def is_observed(self) -> NDArray[np.bool_]:
        """(Z, Y, X) voxels that some frame measured, surface or free space."""
        seen: NDArray[np.bool_] = self.volume.weight > 0
        return seen

    @cached_property
    def _is_inferred(self) -> NDArray[np.bool_]:
        """(Z, Y, X) voxels that only the network tells a distance of."""
        return self.completion.near_surface & ~self.is_observed

    @cached_property
    def voxels(self) -> SurfaceVoxels:
        """Everything that a surface passes through."""
        limit = np.float32(SURFACE_VOXELS)
        seen = self.is_observed & (
            np.abs(self.volume.tsdf_m) < limit * np.float32(self.volume.grid.voxel_size_m))
        inferred = self._is_inferred & (np.abs(self.completion.tsdf_voxels) < limit)
        cells = np.flatnonzero(seen | inferred)
        return self._voxels_at(cells, seen.reshape(-1)[cells])

    def _voxels_at(
        self, cells: NDArray[np.intp], observed: NDArray[np.bool_],
    ) -> SurfaceVoxels:
        z, y, x = np.unravel_index(cells, self.volume.grid.shape)
        said = self.completion
        labels = said.labels.reshape(-1)[cells]
        confidence = said.confidence.reshape(-1)[cells].astype(np.float32)
        rgb = np.where(observed[:, None], self.volume.rgb.reshape(-1, 3)[cells],
                       said.rgb.reshape(-1, 3)[cells])
        return SurfaceVoxels(
            self.volume.grid.to_world(np.stack([x, y, z], axis=1)), labels,
            np.where(labels == NO_LABEL, np.float32(np.nan), confidence), rgb, observed)

    def mesh(self) -> SceneMesh:
        """Return the surface, measured where it was seen and inferred elsewhere."""
        observed = self.is_observed
        measured = self.volume.tsdf_voxels
        tsdf = np.where(observed, measured, self.completion.tsdf_voxels).astype(np.float32)
        rgb = np.where(observed[..., None], self.volume.rgb, self.completion.rgb)
        is_near = self._is_inferred | (observed & (np.abs(measured) < TRUNCATION_VOXELS))
        return surface_mesh(MeshLayers(
            self.volume.grid, tsdf, observed=observed, near_surface=is_near, rgb=rgb,
            labels=self.completion.labels, confidence=self.completion.confidence))
