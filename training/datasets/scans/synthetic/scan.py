"""Synthetic scans: frames rendered when asked for, and the truth about every voxel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.volume_grid import VOXEL_SIZE_M, VolumeGrid
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import inverse_rigid
from ssc_ros.labels import IGNORE_ID, load_label_space
from training.datasets.synthetic.generate import DOMAINS, SPLIT_SIZE, SPLITS
from training.datasets.synthetic.kits import PROCEDURAL, furniture_kit
from training.datasets.synthetic.library import DEFAULT_FOLDER
from training.datasets.synthetic.render import Renderer, Sensor
from training.datasets.synthetic.surfaces import SurfaceModel
from training.datasets.synthetic.viewpoint import Viewpoint, random_camera
from training.datasets.synthetic.voxels import fine_labels

from ..frame import Matrix, Scan, ScanFrame
from .building import Building, make_building
from .painting import painted_by_class
from .path import walk_through

LABEL_SPACE = 'nyu12'
PAINTS = ('materials', 'classes')
_FRAME_NS = 100_000_000
_START_NS = 1_600_000_000_000_000_000
# Offsets to the voxels within 3 cm of one of 2 cm: face and edge neighbours, the near ones first.
_NEAR = sorted(((z, y, x) for z in (-1, 0, 1) for y in (-1, 0, 1) for x in (-1, 0, 1)
                if 0 < z * z + y * y + x * x < 3), key=lambda o: sum(map(abs, o)))


@dataclass(frozen=True, slots=True)
class ScanRecipe:
    """
    Everything a synthetic scan depends on.

    Attributes:
        rooms: number of rooms; a corridor joins two or more.
        frames_per_room: of the walk.
        height, width: of both images.
        paint: `materials`, or `classes`, which lets `ColorSegmenter` read classes off colours.
        furniture: folder of the furniture models, for the domain of that name.
    """

    split: str = 'train'
    index: int = 0
    rooms: int = 2
    frames_per_room: int = 40
    height: int = 240
    width: int = 320
    domain: str = 'procedural'
    paint: str = 'materials'
    furniture: str = DEFAULT_FOLDER

    def __post_init__(self) -> None:
        if self.split not in SPLITS or not 0 <= self.index < SPLIT_SIZE:
            raise DataError(f'scan {self.split} {self.index} does not exist: splits are '
                            f'{", ".join(SPLITS)}, indices 0 to {SPLIT_SIZE - 1}')
        if self.domain not in DOMAINS or self.paint not in PAINTS:
            raise DataError(f'domain {self.domain!r} or paint {self.paint!r} does not exist: use '
                            f'{", ".join(DOMAINS)} and {", ".join(PAINTS)}')
        if self.rooms < 1 or self.frames_per_room < 1:
            raise DataError(f'{self.rooms} rooms of {self.frames_per_room} frames are no scan')

    @property
    def name(self) -> str:
        """Name of the scan."""
        return f'synthetic_{self.split}_{self.index:04d}'

    def generator(self, *stream: int) -> np.random.Generator:
        """Return one of the scan's random streams (0 building, 1 camera and walk, 2 sensor)."""
        seed = SPLITS[self.split] + self.index
        return np.random.default_rng([DOMAINS.index(self.domain), seed, self.rooms, *stream])


class SyntheticScan(Scan):
    """A walk through a synthetic building; depth is exact to the millimetre."""

    label_space = LABEL_SPACE

    def __init__(self, recipe: ScanRecipe) -> None:
        self.recipe = recipe
        kit = PROCEDURAL if recipe.domain == 'procedural' else furniture_kit(recipe.furniture)
        building = make_building(recipe.generator(0), recipe.rooms, kit)
        self.building = _painted(building, recipe) if recipe.paint == 'classes' else building
        rng = recipe.generator(1)
        self.camera = random_camera(rng, recipe.height, recipe.width)
        frames = recipe.rooms * recipe.frames_per_room
        self._views: dict[str, Viewpoint] = {
            str(index): view
            for index, view in enumerate(walk_through(building, frames, rng))}
        super().__init__(recipe.name, self._views)

    def pose(self, frame_id: str) -> Matrix:
        """Return T_world_camera of one frame."""
        if frame_id not in self._views:
            raise DataError(f'{self.name} has frames 0 to {len(self) - 1}, not {frame_id}')
        return self._views[frame_id].T_world_camera

    def read(self, frame_id: str) -> ScanFrame:
        """Render one frame."""
        pose, number = self.pose(frame_id), int(frame_id)
        view = self._renderer.render([pose], self.camera)[0]
        rgb = self._sensor.develop(view.radiance, self.recipe.generator(2, number))
        depth_m = (np.round(view.depth_m * 1000) / 1000).astype(np.float32)
        return ScanFrame(frame_id, depth_m, rgb, self.camera, self.camera, pose,
                         _START_NS + number * _FRAME_NS, view.labels)

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(SurfaceModel(self.building.solids), self.building.lights)

    @cached_property
    def _sensor(self) -> Sensor:
        # One exposure for the whole scan, so that colours of different frames agree.
        chosen = [self.pose(frame_id) for frame_id in self.frame_ids[::max(len(self) // 4, 1)]]
        small = self.camera.resized(self.camera.height // 4, self.camera.width // 4)
        radiance = np.stack([view.radiance for view in self._renderer.render(chosen, small)])
        return Sensor.draw(self.recipe.generator(2), radiance)

    def volume_grid(self, voxel_size_m: float = VOXEL_SIZE_M) -> VolumeGrid:
        """Return the padded grid of the whole building."""
        return VolumeGrid.around(*self.building.bounds_m, voxel_size_m=voxel_size_m)

    def voxel_labels(self, grid: VolumeGrid) -> NDArray[np.uint8]:
        """
        Label every voxel of a grid whose axes are those of the world by what its centre lies in.

        Returns:
            (Z, Y, X) uint8: 0 = empty, 255 = outside the building.
        """
        return building_labels(self.building, grid)

    def surface_labels(
        self, grid: VolumeGrid, near_surface: NDArray[np.bool_],
    ) -> NDArray[np.uint8]:
        """
        Label voxels near fused surfaces by the nearest matter within 3 cm, all others 255.

        Args:
            near_surface: (Z, Y, X) voxels less than one voxel from a surface.
        """
        return spread_labels(self.voxel_labels(grid), near_surface)


def _painted(building: Building, recipe: ScanRecipe) -> Building:
    space, rng = load_label_space(LABEL_SPACE), recipe.generator(3)
    return Building(tuple(
        replace(part, scene=replace(part.scene, solids=painted_by_class(
            part.scene.solids, space, rng))) for part in building.parts))


def building_labels(building: Building, grid: VolumeGrid) -> NDArray[np.uint8]:
    """Label the voxels of a grid as `SyntheticScan.voxel_labels` does."""
    T_world_grid = grid.T_world_grid
    if not np.allclose(T_world_grid[:3, :3], np.eye(3) * grid.voxel_size_m):
        raise DataError('labels are painted into grids along the axes of the world, '
                        'but this one is turned')
    corner = T_world_grid[:3, 3] - grid.voxel_size_m / 2
    z, y, x = grid.shape
    upright = VoxelGrid((corner[0], corner[1], corner[2]), grid.voxel_size_m, (x, z, y), 'xzy')
    result = np.full((x, z, y), IGNORE_ID, np.uint8)
    for part in building.parts:
        own = fine_labels(part.scene.solids, part.scene.size, upright,
                          inverse_rigid(part.T_world_part))
        is_matter = (own != IGNORE_ID) & (own > 0)
        np.copyto(result, own, where=is_matter | ((own == 0) & (result == IGNORE_ID)))
    return np.ascontiguousarray(result.transpose(1, 2, 0))


def spread_labels(
    labels: NDArray[np.uint8], near_surface: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """
    Give every (Z, Y, X) voxel near a surface the class of the nearest matter, all others 255.

    Args:
        labels: (Z, Y, X) with 0 = empty and 255 = unknown.
    """
    is_matter = (labels > 0) & (labels != IGNORE_ID)
    source = np.where(is_matter, labels, 0)
    result = source.copy()
    padded = np.pad(source, 1)
    for offset in _NEAR:
        window = tuple(slice(1 + step, 1 + step + length)
                       for step, length in zip(offset, source.shape, strict=True))
        np.copyto(result, padded[window], where=(result == 0))
    return np.where(near_surface & (result > 0), result, IGNORE_ID).astype(np.uint8)
