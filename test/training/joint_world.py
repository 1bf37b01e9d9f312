"""
Tiny rooms of boxes in which either branch alone must guess.

Chairs and tables share a colour, so that pixels cannot tell them apart: their shapes do. Beds and
sofas share a shape, so that volumes cannot: their colours do.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.geometry.raycasting import VoxelRayCaster
from ssc_ros.geometry.transforms import inverse_rigid, level_camera_pose
from ssc_ros.geometry.tsdf import compute_tsdf
from ssc_ros.models.imenet.config import ImenetConfig
from training.datasets.joint.frames import JointFrame, JointFrames, nyu_frame
from training.datasets.nyu import NyuSample
from training.datasets.nyu.regions import label_weight
from training.experiment import Experiment

GRID_SHAPE = (24, 12, 24)
IMAGE_SIZE = (64, 96)
CAMERA = PinholeCamera(90.0, 90.0, 47.5, 31.5, *IMAGE_SIZE)
FLOOR, WALL, CHAIR, BED, SOFA, TABLE = 2, 3, 5, 6, 7, 8
# Width, height and depth in voxels.
SHAPES = {CHAIR: (3, 6, 3), TABLE: (5, 3, 5), BED: (4, 4, 6), SOFA: (4, 4, 6)}
# First room and number of rooms.
SPLITS = {'train': (0, 40), 'val': (1000, 2), 'test': (2000, 12)}
# What a camera sees: one id for chairs and tables.
COLORS = {FLOOR: 5, WALL: 12, CHAIR: 4, TABLE: 4, BED: 1, SOFA: 9}
NYU40 = {FLOOR: 2, WALL: 1, CHAIR: 5, TABLE: 7, BED: 4, SOFA: 6}


def placement() -> BoxPlacement:
    """Return a box of 1.92 x 0.96 x 1.92 m, 0.8 m ahead of a camera that looks down a little."""
    pose = level_camera_pose(height_m=1.1, pitch_rad=np.deg2rad(22))
    grid = VoxelGrid((-0.96, 0.8, -0.08), 0.08, GRID_SHAPE, 'xzy')
    return BoxPlacement(grid, inverse_rigid(pose))


def room_labels(rng: np.random.Generator) -> np.ndarray:
    """Return a floor, a back wall and four pieces of furniture, one in each quarter."""
    labels = np.zeros(GRID_SHAPE, np.uint8)
    labels[:, :, -2:] = WALL
    labels[:, :1] = FLOOR
    for quarter in range(4):
        kind = int(rng.choice(list(SHAPES)))
        width, height, depth = SHAPES[kind]
        x = 12 * (quarter % 2) + int(rng.integers(0, 12 - width))
        z = 11 * (quarter // 2) + int(rng.integers(0, 11 - depth))
        labels[x:x + width, 1:1 + height, z:z + depth] = kind
    return labels


def make_frame(config: ImenetConfig, seed: int) -> JointFrame:
    """Return a room as a frame."""
    box = placement()
    labels = room_labels(np.random.default_rng(seed))
    view = VoxelRayCaster(box.grid, box.T_camera_voxel, CAMERA).view(labels)
    # A quarter of a voxel further, so that points lie inside their voxels.
    depth_m = np.where(view.depth_m > 0, view.depth_m + 0.02, 0).astype(np.float32)
    volume = compute_tsdf(depth_m, CAMERA, box.grid, box.T_camera_voxel)
    return nyu_frame(NyuSample(
        frame_id=seed, rgb=None, tsdf=volume.values,
        label_weight=label_weight(labels, volume.values), pixel_of_voxel=volume.pixel_of_voxel,
        labels=labels, label_map13=_mapped(view.image_labels, COLORS),
        label_map40=_mapped(view.image_labels, NYU40), placement=box, camera=CAMERA,
        depth_m=depth_m), config)


def open_boxes(experiment: Experiment, split: str) -> JointFrames:
    """Return the rooms of a split, as `training.datasets.joint.loading.open_frames` does."""
    data, (first, count) = experiment.data, SPLITS[split]
    limit = {'train': data.train_samples, 'val': data.val_samples}.get(split)
    return JointFrames(range(first, first + count)[:limit],
                       partial(make_frame, experiment.network), keeps=True)


def _mapped(labels: np.ndarray, ids: dict[int, int]) -> np.ndarray:
    table = np.zeros(256, np.uint8)
    table[list(ids)] = list(ids.values())
    return table[labels]
