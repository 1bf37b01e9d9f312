"""Frames with the classes of their pixels and of their voxels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.geometry.tsdf import SSCNET_TSDF, compute_tsdf
from ssc_ros.geometry.tsdf_array import subdivided
from ssc_ros.labels import IGNORE_ID
from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.imenet.lookup import (
    NO_VOXEL,
    ray_voxels,
    voxel_of_pixel,
    working_pixels,
)
from training.datasets.nyu import NyuSample
from training.datasets.nyu.footprints import footprint_depth, voxel_footprints
from training.datasets.nyu.regions import label_weight
from training.datasets.segmentation.hha import encode_hha
from training.datasets.segmentation.rooms import official_ids
from training.datasets.synthetic.room import Room

PixelTruth = Literal['nyu2d', 'projected']
FINE_SUBDIVISION = 4
UNLABELLED = 0


@dataclass(frozen=True, slots=True, eq=False)
class JointFrame:
    """
    A frame as `models.imenet.processing.prepare_arrays` takes it, and its truth.

    (H, W) is the configuration's `image_size`.

    Attributes:
        name: of the frame within its data set.
        tsdf: (X, Y, Z) float32 averages.
        fine_tsdf: (4 X, 4 Y, 4 Z) float16, flipped; None unless the network reads it.
        voxels: (H, W) int32 flat voxel of every pixel, -1 = none.
        rays: (ray_steps, h, w) int32; None unless pixels are looked up along their rays.
        rgb, hha: (H, W, 3) uint8; None unless the network reads them.
        label_map: (H, W) uint8 of another network; the same.
        labels2d: (H, W) uint8, 1 to 11, 0 = unlabelled.
        labels3d: (X, Y, Z) uint8, 0 to 11, 255 = unknown.
        weight: (X, Y, Z) bool, the voxels that are learned from and scored.
        is_surface: (X, Y, Z) bool, those of them that SC leaves out: a pixel shows them.
    """

    name: str
    tsdf: NDArray[np.float32]
    fine_tsdf: NDArray[np.float16] | None
    voxels: NDArray[np.int32]
    rays: NDArray[np.int32] | None
    rgb: NDArray[np.uint8] | None
    hha: NDArray[np.uint8] | None
    label_map: NDArray[np.uint8] | None
    labels2d: NDArray[np.uint8]
    labels3d: NDArray[np.uint8]
    weight: NDArray[np.bool_]
    is_surface: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Source:
    """What data sets give: the fields of `JointFrame`, depth that may be missing, and poses."""

    name: str
    tsdf: NDArray[np.float32]
    pixel_of_voxel: NDArray[np.int64]
    depth_m: NDArray[np.float32] | None
    camera: PinholeCamera
    placement: BoxPlacement | None
    rgb: NDArray[np.uint8] | None
    label_map: NDArray[np.uint8] | None
    labels2d: NDArray[np.uint8] | None
    labels3d: NDArray[np.uint8]
    weight: NDArray[np.bool_]


def nyu_frame(
    sample: NyuSample, config: ImenetConfig, pixel_truth: PixelTruth = 'nyu2d',
) -> JointFrame:
    """
    Return a frame of NYUv2 or NYUCAD.

    The voxels of pixels follow from measured depth where the package has it, else from the one
    known pixel of each voxel (`voxel_footprints`).

    Raises:
        DataError: it lacks what the configuration reads.
    """
    labels2d = sample.label_map12
    return _frame(_Source(
        name=f'{sample.frame_id:04d}', tsdf=sample.tsdf, pixel_of_voxel=sample.pixel_of_voxel,
        depth_m=sample.depth_m, camera=sample.camera, placement=sample.placement, rgb=sample.rgb,
        label_map=sample.label_map13, labels3d=sample.labels, weight=sample.label_weight,
        labels2d=None if labels2d is None else _unlabelled_as_0(labels2d)), config, pixel_truth)


def room_frame(
    room: Room, config: ImenetConfig, pixel_truth: PixelTruth = 'nyu2d',
) -> JointFrame:
    """Return a synthetic room; its labels of pixels are exact."""
    placement = room.placement
    volume = compute_tsdf(room.depth_m, room.camera, placement.grid, placement.T_camera_voxel)
    return _frame(_Source(
        name=str(room.seed), tsdf=volume.values, pixel_of_voxel=volume.pixel_of_voxel,
        depth_m=room.depth_m, camera=room.camera, placement=placement, rgb=room.left,
        label_map=None, labels3d=room.voxel_labels,
        weight=label_weight(room.voxel_labels, volume.values),
        labels2d=official_ids(config.label_space)[room.image_labels]), config, pixel_truth)


def _frame(source: _Source, config: ImenetConfig, pixel_truth: PixelTruth) -> JointFrame:
    camera, placement = source.camera, source.placement
    if camera.size != config.image_size:
        raise DataError(f'frame {source.name} is {camera.size} but the network reads '
                        f'{config.image_size}: set network.image_size')
    if placement is None:
        raise DataError(f'frame {source.name} has no camera pose, without which only one pixel '
                        'of each voxel is known: add camera_poses.npz to the package')
    voxels = voxel_footprints(source.pixel_of_voxel, camera, placement) if (
        source.depth_m is None) else voxel_of_pixel(source.depth_m, camera, placement)
    labels2d = projected_labels(source.labels3d, voxels) if pixel_truth == 'projected' else (
        _present(source.labels2d, source, 'labels of pixels (Label40/)'))
    return JointFrame(
        name=source.name, tsdf=source.tsdf, fine_tsdf=_fine_tsdf(source, config), voxels=voxels,
        rays=_rays(source, config, voxels, placement),
        rgb=_present(source.rgb, source, 'colour image') if config.reads_image else None,
        hha=_hha(source, config), label_map=_present(
            source.label_map, source, 'predicted label map (seg_result_label13/)',
        ) if config.image_network == 'labels' else None,
        labels2d=labels2d, labels3d=source.labels3d, weight=source.weight,
        is_surface=(source.pixel_of_voxel != voxels.size).reshape(source.tsdf.shape))


def _rays(
    source: _Source, config: ImenetConfig, voxels: NDArray[np.int32], placement: BoxPlacement,
) -> NDArray[np.int32] | None:
    if not config.has_dcp2d or config.proj_lookup == 'exact':
        return None
    depth_m = source.depth_m
    if depth_m is None:
        asked = np.full_like(voxels, NO_VOXEL)
        places = np.ix_(*working_pixels(config.image_size, config.work_size))
        asked[places] = voxels[places]
        depth_m = footprint_depth(asked, source.camera, placement)
    return ray_voxels(depth_m, source.camera, placement, work_size=config.work_size,
                      steps=config.ray_steps)


def projected_labels(
    labels3d: NDArray[np.uint8], voxels: NDArray[np.int32],
) -> NDArray[np.uint8]:
    """Return (H, W): each pixel takes the label of its voxel, 0 where none is known."""
    seen = labels3d.reshape(-1)[np.maximum(voxels, 0)]
    return _unlabelled_as_0(np.where(voxels == NO_VOXEL, UNLABELLED, seen).astype(np.uint8))


def _unlabelled_as_0(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(labels == IGNORE_ID, UNLABELLED, labels).astype(np.uint8)


def _fine_tsdf(source: _Source, config: ImenetConfig) -> NDArray[np.float16] | None:
    if config.tsdf_subdivision != FINE_SUBDIVISION or config.voxel_network == 'none':
        return None
    depth_m = _present(
        source.depth_m, source,
        'measured depth image (Depth/), which the fine TSDF of SSCNet is made of: convert the raw '
        'release with it, or take a voxel network that reads the coarse one (sketch, small)')
    assert source.placement is not None
    volume = compute_tsdf(
        depth_m, source.camera, subdivided(source.placement.grid, FINE_SUBDIVISION),
        source.placement.T_camera_voxel, subdivision=1, settings=SSCNET_TSDF)
    values: NDArray[np.float16] = volume.values.astype(np.float16)
    return values


def _hha(source: _Source, config: ImenetConfig) -> NDArray[np.uint8] | None:
    if config.image_network != 'seg2dnet-rgbd':
        return None
    depth_m = _present(source.depth_m, source, 'measured depth image (Depth/), which HHA encodes')
    return encode_hha(depth_m, source.camera.fx)


def _present(value: Any, source: _Source, kind: str) -> Any:
    if value is None:
        raise DataError(f'frame {source.name} has no {kind}')
    return value


class JointFrames(Sequence[JointFrame]):
    """
    Frames of a split, built when asked for and, where they are kept, only once.

    Args:
        sources: samples of a package, or rooms.
        build: turns one of them into a frame.
        missing: numbers of frames that were left out.
    """

    def __init__(
        self, sources: Sequence[Any], build: Callable[[Any], JointFrame], *, keeps: bool,
        missing: Sequence[int] = (),
    ) -> None:
        self._sources, self._build, self._keeps = sources, build, keeps
        self.missing = sorted(missing)
        self._kept: dict[int, JointFrame] = {}

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, index: int) -> JointFrame:  # type: ignore[override]
        if index in self._kept:
            return self._kept[index]
        frame = self._build(self._sources[index])
        if self._keeps:
            self._kept[index] = frame
        return frame
