"""
Virtual views of a chunk: wide cameras at places that no frame of the scan was taken from.

S4R (Huang et al., 2023, Sec. 3.4) and Virtual Multi-view Fusion (Kundu et al., ECCV 2020) give no
numbers for where they put them; those here are ours, every one an option.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.transforms import make_rigid

from .frame import Matrix

# 90 x 77.3 degrees: ScanNet's crops see 55 degrees across, Matterport3D's 61.5.
WIDE_CAMERA = PinholeCamera(160.0, 160.0, 159.5, 127.5, 256, 320)
KINDS = ('object', 'pulled', 'top')
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class VirtualViewOptions:
    """
    Where virtual cameras stand, and which of them are kept.

    Attributes:
        shares: of views of an object, of real poses pulled back, and of views from above.
        structure_weight: how often walls, floors and ceilings are looked at, for once an object.
        object_distance_m, object_jitter_m: along the normal of the surface looked at, and across.
        max_pitch_deg, max_roll_deg: of views of objects.
        pull_m: how far real cameras are moved back along their axis.
        top_margin_m, top_height_m, top_pitch_deg: views from above stand over the chunk or so far
            beside it, at these heights above the floor, and look down by these angles.
        min_hit_share: of pixels that see a surface.
        median_depth_m: of these pixels.
        max_back_share: of rays that meet the back of a surface first.
        tries: after so many refused poses there is no virtual view.
    """

    shares: tuple[float, float, float] = (0.5, 0.25, 0.25)
    structure_weight: float = 0.25
    object_distance_m: Range = (1.0, 2.5)
    object_jitter_m: float = 0.3
    max_pitch_deg: float = 60.0
    max_roll_deg: float = 5.0
    pull_m: Range = (0.5, 1.5)
    top_margin_m: float = 0.5
    top_height_m: Range = (1.8, 2.8)
    top_pitch_deg: Range = (45.0, 80.0)
    min_hit_share: float = 0.1
    median_depth_m: Range = (0.5, 4.0)
    max_back_share: float = 0.2
    tries: int = 10


@dataclass(frozen=True, slots=True, eq=False)
class ChunkSurface:
    """
    The surface voxels of a chunk.

    Attributes:
        points_world: (N, 3) metres.
        normals: (N, 3) unit vectors out of the matter.
        labels: (N,) uint8, 255 = none.
        low_m, high_m: corners of the chunk in the world.
        floor_m: height of the floor.
    """

    points_world: NDArray[np.float64]
    normals: NDArray[np.float64]
    labels: NDArray[np.uint8]
    low_m: NDArray[np.float64]
    high_m: NDArray[np.float64]
    floor_m: float


class Preview(NamedTuple):
    """What a candidate sees: share of pixels that hit, their median depth, rays from behind."""

    hit_share: float
    median_depth_m: float
    back_share: float


class VirtualView(NamedTuple):
    """An accepted pose, its kind, what it sees, and how many poses were tried."""

    T_world_camera: Matrix
    kind: str
    preview: Preview
    tries: int


Look = Callable[[Matrix], Preview]


def chunk_surface(
    tsdf_voxels: NDArray[np.float32], labels: NDArray[np.uint8], grid: VolumeGrid, *,
    floor_voxel: float = 3.0,
) -> ChunkSurface:
    """
    Collect the voxels less than one voxel from a surface.

    Args:
        tsdf_voxels: (Z, Y, X) distances in voxels, positive in front of surfaces.
        labels: (Z, Y, X) uint8 predicted classes.
        floor_voxel: where the floor lies above the base of the grid.

    Raises:
        DataError: there is no surface.
    """
    index = np.argwhere(np.abs(tsdf_voxels) < 1)
    if not len(index):
        raise DataError('the chunk has no voxel near a surface: virtual views have nothing to see')
    places = tuple(index.T)
    padded = np.pad(tsdf_voxels.astype(np.float64), 1, mode='edge')
    z, y, x = (axis + 1 for axis in places)
    slope = np.stack([padded[z, y, x + 1] - padded[z, y, x - 1],
                      padded[z, y + 1, x] - padded[z, y - 1, x],
                      padded[z + 1, y, x] - padded[z - 1, y, x]], axis=1)
    length = np.linalg.norm(slope, axis=1)
    is_sloped = length > 1e-6
    normals = slope[is_sloped] / length[is_sloped, None]
    turn = grid.T_world_grid[:3, :3] / grid.voxel_size_m
    corners = grid.to_world(np.array([[0, 0, 0], np.array(grid.shape[::-1]) - 1]))
    floor = grid.to_world(np.array([[0.0, 0.0, floor_voxel]]))[0, 2]
    return ChunkSurface(
        grid.to_world(index[is_sloped][:, ::-1]), normals @ turn.T, labels[places][is_sloped],
        corners.min(axis=0), corners.max(axis=0), float(floor))


class VirtualViewSampler:
    """
    Draws poses until one shows enough.

    Args:
        structure_ids: classes of walls, floors and ceilings.
        camera: of the views.
    """

    def __init__(
        self, structure_ids: Sequence[int], options: VirtualViewOptions | None = None,
        camera: PinholeCamera = WIDE_CAMERA,
    ) -> None:
        self.options, self.camera = options or VirtualViewOptions(), camera
        self._structure_ids = np.array(structure_ids, np.int64)

    def sample(
        self, surface: ChunkSurface, real_poses: Sequence[Matrix], look: Look,
        rng: np.random.Generator, *, class_counts: NDArray[np.integer] | None = None,
    ) -> VirtualView | None:
        """
        Return a pose that shows enough, or None after as many tries as the options allow.

        Args:
            real_poses: T_world_camera of frames that see the chunk; may be empty.
            look: renders a candidate, e.g. `preview_of`.
            class_counts: (256,) how often each class occurs in the batch; of the chunk by default.
        """
        shares = np.array(self.options.shares, np.float64)
        if not len(real_poses):
            shares[KINDS.index('pulled')] = 0
        weights = self._target_weights(surface, class_counts)
        for tries in range(1, self.options.tries + 1):
            kind = KINDS[int(rng.choice(len(KINDS), p=shares / shares.sum()))]
            if kind == 'object':
                pose = self._object_pose(surface, weights, rng)
            elif kind == 'pulled':
                pose = self._pulled_pose(real_poses, rng)
            else:
                pose = self._top_pose(surface, rng)
            preview = look(pose)
            if self.accepts(preview):
                return VirtualView(pose, kind, preview, tries)
        return None

    def accepts(self, preview: Preview) -> bool:
        """Tell whether a view shows enough, from a fair distance, and from the front."""
        low, high = self.options.median_depth_m
        return (preview.hit_share >= self.options.min_hit_share
                and low <= preview.median_depth_m <= high
                and preview.back_share < self.options.max_back_share)

    def _target_weights(
        self, surface: ChunkSurface, class_counts: NDArray[np.integer] | None,
    ) -> NDArray[np.float64]:
        """Return how likely each voxel is looked at: rare classes more, structure less."""
        counts = np.bincount(surface.labels, minlength=256) if class_counts is None \
            else class_counts
        by_class = 1 / np.sqrt(np.maximum(counts, 1))
        by_class[self._structure_ids] *= self.options.structure_weight
        weights = by_class[surface.labels]
        return np.cumsum(weights / weights.sum())

    def _object_pose(
        self, surface: ChunkSurface, weights: NDArray[np.float64], rng: np.random.Generator,
    ) -> Matrix:
        """Stand in front of a surface voxel, along its normal, and look at it."""
        chosen = min(int(np.searchsorted(weights, rng.random())), len(weights) - 1)
        target, normal = surface.points_world[chosen], surface.normals[chosen]
        tangent, bitangent = _tangents(normal)
        jitter = rng.uniform(-1, 1, 2) * self.options.object_jitter_m
        offset = normal * rng.uniform(*self.options.object_distance_m) \
            + tangent * jitter[0] + bitangent * jitter[1]
        # A camera straight above or below would have no upright image.
        steepest = math.tan(math.radians(self.options.max_pitch_deg))
        level = float(np.hypot(offset[0], offset[1]))
        if abs(offset[2]) > steepest * level:
            distance = float(np.linalg.norm(offset))
            angle = math.atan2(offset[1], offset[0]) if level > 1e-6 \
                else rng.uniform(-math.pi, math.pi)
            pitch = math.copysign(math.radians(self.options.max_pitch_deg), offset[2])
            offset = distance * np.array([math.cos(pitch) * math.cos(angle),
                                          math.cos(pitch) * math.sin(angle), math.sin(pitch)])
        roll = math.radians(rng.uniform(-1, 1) * self.options.max_roll_deg)
        return look_along(target + offset, -offset, roll)

    def _pulled_pose(self, real_poses: Sequence[Matrix], rng: np.random.Generator) -> Matrix:
        """Step back from where a frame was taken."""
        pose = np.array(real_poses[int(rng.integers(len(real_poses)))])
        pose[:3, 3] -= pose[:3, 2] * rng.uniform(*self.options.pull_m)
        return pose

    def _top_pose(self, surface: ChunkSurface, rng: np.random.Generator) -> Matrix:
        """Look down from above the chunk."""
        margin = self.options.top_margin_m
        x, y = rng.uniform(surface.low_m[:2] - margin, surface.high_m[:2] + margin)
        height = surface.floor_m + rng.uniform(*self.options.top_height_m)
        down = math.radians(rng.uniform(*self.options.top_pitch_deg))
        yaw = rng.uniform(-math.pi, math.pi)
        forward = np.array([math.cos(yaw) * math.cos(down), math.sin(yaw) * math.cos(down),
                            -math.sin(down)])
        return look_along(np.array([x, y, height]), forward, 0.0)


def look_along(
    position: NDArray[np.float64], forward: NDArray[np.float64], roll_rad: float,
) -> Matrix:
    """
    Return T_world_camera of an optical frame with world z up in the image, then rolled.

    >>> look_along(np.zeros(3), np.array([1.0, 0.0, 0.0]), 0.0)[:3, 2].tolist()
    [1.0, 0.0, 0.0]
    """
    z = forward / np.linalg.norm(forward)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    y = np.cross(z, x)
    cos, sin = math.cos(roll_rad), math.sin(roll_rad)
    return make_rigid(np.stack([cos * x + sin * y, cos * y - sin * x, z], axis=1), position)


def _tangents(normal: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    helper = np.eye(3)[int(np.abs(normal).argmin())]
    tangent = np.cross(normal, helper)
    tangent /= np.linalg.norm(tangent)
    return tangent, np.cross(normal, tangent)
