"""Make rooms from seeds, one or many at a time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import nyu_placement
from ssc_ros.geometry.transforms import make_rigid

from .kits import PROCEDURAL, furniture_kit
from .layout import furnished_scene
from .library import DEFAULT_FOLDER, credits
from .render import Renderer, Sensor
from .room import Room, save_room
from .shell import Scene
from .surfaces import SurfaceModel
from .viewpoint import BASELINE_M, Viewpoint, random_camera, random_viewpoint, walk
from .voxels import occlusion_codes, voxel_labels

# First seed of each split; a split may hold a million rooms before it would meet the next.
SPLITS = {'train': 0, 'val': 1_000_000, 'test': 2_000_000}
SPLIT_SIZE = 1_000_000
DOMAINS = ('procedural', 'furniture')


@dataclass(frozen=True, slots=True)
class RoomRecipe:
    """
    Everything a room depends on.

    Attributes:
        furniture: folder of the furniture models, for the domain of that name.
    """

    split: str = 'train'
    index: int = 0
    height: int = 240
    width: int = 320
    domain: str = 'procedural'
    furniture: str = DEFAULT_FOLDER

    def __post_init__(self) -> None:
        if self.split not in SPLITS or not 0 <= self.index < SPLIT_SIZE:
            raise DataError(f'room {self.split} {self.index} does not exist: splits are '
                            f'{", ".join(SPLITS)}, indices 0 to {SPLIT_SIZE - 1}')
        if self.domain not in DOMAINS:
            raise DataError(f'domain {self.domain!r} does not exist: use {", ".join(DOMAINS)}')

    @property
    def seed(self) -> int:
        """The number the room grows from; splits share none."""
        return SPLITS[self.split] + self.index

    def generator(self, stream: int) -> np.random.Generator:
        """Return one of the room's independent random streams (0 room, 1 sensor, 2 walk)."""
        return np.random.default_rng([DOMAINS.index(self.domain), self.seed, stream])


def room_path(root: Path | str, split: str, index: int) -> Path:
    """Return where a generated set keeps a room."""
    return Path(root) / split / f'{SPLITS[split] + index:07d}.npz'


def make_room(recipe: RoomRecipe) -> Room:
    """Return one room seen from its first viewpoint."""
    return next(make_sequence(recipe, 1, 10.0))


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A furnished room before it is seen: what stands in it, the camera and its first place."""

    scene: Scene
    camera: PinholeCamera
    start: Viewpoint


def make_setting(recipe: RoomRecipe) -> Setting:
    """Furnish one room."""
    rng = recipe.generator(0)
    size = (float(rng.uniform(3.6, 5.5)), float(rng.uniform(3.6, 5.5)),
            float(rng.uniform(2.4, 2.72)))
    start = random_viewpoint(rng, size)
    camera = random_camera(rng, recipe.height, recipe.width)
    kit = PROCEDURAL if recipe.domain == 'procedural' else furniture_kit(recipe.furniture)
    return Setting(furnished_scene(rng, size, (start.x, start.y), kit), camera, start)


def make_sequence(recipe: RoomRecipe, frames: int, rate_hz: float) -> Iterator[Room]:
    """Yield views of one room along a short walk that begins at the room's own viewpoint."""
    setting = make_setting(recipe)
    scene, camera = setting.scene, setting.camera
    renderer = Renderer(SurfaceModel(scene.solids), scene.lights)
    views = walk(recipe.generator(2), setting.start, frames, rate_hz)
    sensor_rng, sensor = recipe.generator(1), None
    for view in views:
        pair = renderer.render(_eyes(view), camera)
        sensor = sensor or Sensor.draw(sensor_rng, pair[0].radiance)
        images = [sensor.develop(eye.radiance, sensor_rng) for eye in pair]
        yield _room(recipe, scene, camera, view, images, pair[0].depth_m, pair[0].labels)


def _eyes(view: Viewpoint) -> list[NDArray[np.float64]]:
    left = view.T_world_camera
    return [left, left @ make_rigid(np.eye(3), [BASELINE_M, 0, 0])]


def _room(recipe: RoomRecipe, scene: Scene, camera: PinholeCamera, view: Viewpoint,
          images: list[NDArray[np.uint8]], depth_m: NDArray[np.float32],
          image_labels: NDArray[np.uint8]) -> Room:
    pose = view.T_world_camera
    placement = nyu_placement(pose)
    labels = voxel_labels(scene.solids, scene.size, placement, pose)
    return Room(
        left=images[0], right=images[1], depth_m=depth_m, image_labels=image_labels,
        voxel_labels=labels, occlusion=occlusion_codes(labels, depth_m, camera, placement),
        camera=camera, baseline_m=BASELINE_M, T_world_camera=pose, domain=recipe.domain,
        split=recipe.split, seed=recipe.seed, theme=scene.theme)


def write_credits(root: Path | str, domain: str, furniture: str) -> None:
    """Leave the credits of the models beside what was made from them."""
    if domain == 'furniture':
        path = Path(root) / 'CREDITS.md'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(credits(furniture), encoding='utf-8')


def _make_file(recipe: RoomRecipe, root: Path) -> None:
    save_room(room_path(root, recipe.split, recipe.index), make_room(recipe))


@contextmanager
def _pool(workers: int) -> Iterator[Callable[..., Iterator[None]]]:
    if workers <= 1:
        yield map
        return
    # Spawned, not forked: Embree and OpenCV keep threads a fork would lose.
    context = multiprocessing.get_context('spawn')
    with context.Pool(workers, cv2.setNumThreads, (1,)) as pool:
        yield pool.imap_unordered


def generate(root: Path | str, split: str, count: int, *, start: int = 0,
             size: tuple[int, int] = (240, 320), domain: str = 'procedural',
             furniture: str = DEFAULT_FOLDER, workers: int = 1) -> list[Path]:
    """
    Write rooms start to start + count of a split under root and return their paths.

    A room depends on its recipe alone, never on the number of workers; rooms already there are
    kept, so an interrupted run continues.

    Args:
        size: (height, width) of the images in pixels.
    """
    recipes = [RoomRecipe(split, index, *size, domain, furniture)
               for index in range(start, start + count)]
    write_credits(root, domain, furniture)
    paths = [room_path(root, split, recipe.index) for recipe in recipes]
    missing = [r for r, path in zip(recipes, paths, strict=True) if not path.exists()]
    with _pool(workers) as spread:
        done = spread(partial(_make_file, root=Path(root)), missing)
        for _ in tqdm(done, desc=f'{domain} {split}', initial=count - len(missing), total=count,
                      unit='room'):
            pass
    return paths
