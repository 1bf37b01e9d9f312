"""Chunks as tensors: input, target, and the views that they are rendered in."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ssc_ros.errors import DataError
from ssc_ros.fusion.formats import ChunkFile, read_semantics
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.labels import IGNORE_ID
from ssc_ros.models.s4r.config import S4rConfig
from ssc_ros.models.s4r.inputs import TRUNCATION_VOXELS
from training.datasets.labelled import Draw
from training.datasets.scans.frame import Matrix
from training.datasets.scans.prepare import IMAGES, MAX_VIEWS
from training.datasets.scans.spsg import ChunkPair, SpsgImages
from training.datasets.scans.views import TrainingView, choose_views, training_view
from training.options import S4rData
from training.segmenters.colors import corrupted_labels
from training.segmenters.pseudo_labels import read_pseudo_labels

from .turning import Turn


class ChunkBatch(NamedTuple):
    """
    What a training step takes; V views per chunk, of which `has_view` are there.

    Attributes:
        chunk: (B,) int64 index of each chunk within its split.
        inputs: (B, 5, Z, Y, X) as the network takes it.
        incomplete, complete: (B, Z, Y, X) distances within [-3, 3] voxels.
        known: (B, Z, Y, X) uint8 codes of what is known of the complete volume.
        labels: (B, Z, Y, X) uint8 true classes of its surface, 255 = none.
        colors: (B, 3, Z, Y, X) uint8 sRGB of the complete volume.
        T_grid_world: (B, 4, 4) from metres in the world into voxels.
        poses: (B, 5, 4, 4) T_world_camera of frames that see the chunk, then NaN.
        has_view: (B, V) bool.
        depth_m: (B, V, H, W) measured, 0 = missing.
        images: (B, V, 3, H, W) uint8 sRGB.
        image_labels: (B, V, H, W) uint8, 255 = none.
        T_grid_camera: (B, V, 4, 4) from metres of optical frames into voxels.
        intrinsics: (B, V, 4) fx, fy, cx, cy in pixels.
    """

    chunk: Tensor
    inputs: Tensor
    incomplete: Tensor
    complete: Tensor
    known: Tensor
    labels: Tensor
    colors: Tensor
    T_grid_world: Tensor
    poses: Tensor
    has_view: Tensor
    depth_m: Tensor
    images: Tensor
    image_labels: Tensor
    T_grid_camera: Tensor
    intrinsics: Tensor


class ChunkDataset(Dataset[ChunkBatch]):
    """
    Batches of one: turned and with views where a `Draw` asks for them, plain where an index does.

    Args:
        pairs: of the split.
        root: folder of the split.
        views: real views of a drawn chunk.
    """

    def __init__(
        self, pairs: Sequence[ChunkPair], root: Path, config: S4rConfig, data: S4rData, *,
        views: int,
    ) -> None:
        self._pairs, self._root = pairs, root
        self._config, self._data, self._views = config, data, views

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, item: Draw | int) -> ChunkBatch:
        if isinstance(item, int):
            return self._sample(item, Turn(), None)
        rng = np.random.default_rng(item.seed)
        augments = self._data.augments
        turn = Turn.draw(rng, self._config.chunk_shape) if augments else Turn()
        return self._sample(item.frame, turn, rng)

    def _sample(
        self, index: int, turn: Turn, rng: np.random.Generator | None,
    ) -> ChunkBatch:
        pair = self._pairs[index]
        incomplete, complete = pair.read()
        volumes = {'incomplete': incomplete.volume, 'complete': complete.volume}
        target = volumes['complete']
        _check(self._config, target, pair)
        T_grid_world = turn.matrix(target.grid.shape) @ target.grid.T_grid_world
        views = self._read_views(pair, rng)
        solids = [volumes[self._data.reads].network_input(), _bounded(volumes['incomplete']),
                  _bounded(target), _known(complete), chunk_labels(pair, target),
                  np.moveaxis(target.rgb, -1, 0)]
        return ChunkBatch(
            torch.tensor([index]), *(_tensor(turn.apply(each)) for each in solids),
            _tensor(T_grid_world.astype(np.float32)), _tensor(self._poses(pair)),
            *_view_tensors(views, self._views if rng is not None else 0, T_grid_world,
                           self._data.view_size))

    def _read_views(
        self, pair: ChunkPair, rng: np.random.Generator | None,
    ) -> list[TrainingView]:
        if rng is None or not self._views:
            return []
        given = self._data.image_labels == 'given'
        folder = self._root / IMAGES / pair.scene
        scan = _images(folder, self._config.label_space if given else None)
        views = []
        for frame_id in choose_views(pair.frame_ids(), self._views, rng):
            labels = None if given else self._pseudo(folder, frame_id)
            views.append(training_view(scan.read(frame_id), self._data.view_size, labels=labels))
        return views

    def _pseudo(self, folder: Path, frame_id: str) -> NDArray[np.uint8]:
        labels = read_pseudo_labels(folder, frame_id)
        if not self._data.wrong_labels:
            return labels
        # Segmenters err alike whenever they are asked: by frame, not by step.
        fixed = np.random.default_rng(zlib.crc32(f'{folder.name}/{frame_id}'.encode()))
        return corrupted_labels(
            labels, self._data.wrong_labels, self._config.num_classes, fixed,
            tile_px=self._data.wrong_tile_px)

    def _poses(self, pair: ChunkPair) -> NDArray[np.float32]:
        poses = np.full((MAX_VIEWS, 4, 4), np.nan, np.float32)
        if self._data.virtual_views:
            scan = _images(self._root / IMAGES / pair.scene, None)
            for place, frame_id in enumerate(pair.frame_ids()[:MAX_VIEWS]):
                poses[place] = scan.pose(frame_id)
        return poses


def chunk_labels(pair: ChunkPair, target: SceneVolume) -> NDArray[np.uint8]:
    """Return the true classes of a complete chunk, all 255 where no file has them."""
    path = pair.complete.with_suffix('.sem')
    if not path.is_file():
        return np.full(target.grid.shape, IGNORE_ID, np.uint8)
    labels = read_semantics(path)
    if labels.shape != target.grid.shape:
        raise DataError(f'{path} has classes of a volume {labels.shape}, its chunk is '
                        f'{target.grid.shape}: prepare the scans again')
    return labels.astype(np.uint8)


@lru_cache(maxsize=64)
def _images(folder: Path, label_space: str | None) -> SpsgImages:
    return SpsgImages(folder, label_space)


def _check(config: S4rConfig, target: SceneVolume, pair: ChunkPair) -> None:
    grid = target.grid
    if grid.shape != config.chunk_shape or not np.isclose(
            grid.voxel_size_m, config.voxel_size_m):
        raise DataError(
            f'{pair.complete} has {grid.shape} voxels of {grid.voxel_size_m:.3g} m, the network '
            f'completes {config.chunk_shape} of {config.voxel_size_m:.3g} m: prepare the scans '
            f'with --voxel-size {config.voxel_size_m:.3g}, or choose another preset')


def _bounded(volume: SceneVolume) -> NDArray[np.float32]:
    return np.clip(volume.tsdf_voxels, -TRUNCATION_VOXELS, TRUNCATION_VOXELS)


def _known(complete: ChunkFile) -> NDArray[np.uint8]:
    known = complete.corrected_known()
    return complete.volume.known if known is None else known


def _view_tensors(
    views: Sequence[TrainingView], count: int, T_grid_world: Matrix, size: tuple[int, int],
) -> list[Tensor]:
    """Return the view tensors of one chunk, those that are missing as zeros without pose."""
    has_view = np.arange(count) < len(views)
    depth = np.zeros((count, *size), np.float32)
    images = np.zeros((count, 3, *size), np.uint8)
    labels = np.full((count, *size), IGNORE_ID, np.uint8)
    poses = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    intrinsics = np.ones((count, 4), np.float32)
    for place, view in enumerate(views):
        camera = view.camera
        depth[place], images[place] = view.depth_m, np.moveaxis(view.rgb, -1, 0)
        if view.labels is not None:
            labels[place] = view.labels
        poses[place] = T_grid_world @ view.T_world_camera
        intrinsics[place] = camera.fx, camera.fy, camera.cx, camera.cy
    return [_tensor(each) for each in (has_view, depth, images, labels, poses, intrinsics)]


def _tensor(values: NDArray[Any]) -> Tensor:
    """Return an array as a batch of one."""
    return torch.from_numpy(np.ascontiguousarray(values))[None]
