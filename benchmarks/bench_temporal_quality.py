"""
Score single frames against their fusion over time, on walks through held-out synthetic rooms.

    python benchmarks/bench_temporal_quality.py [--weights occdepth_small_rooms] [--rooms 10]
        [--split test] [--frames 12] [--rate 2] [--picture out.png]

After every frame both are scored where that frame's box has anything in view or hidden by what is
in view, each against the exact truth of its own cells: the frame in its box, the map in its
fixed lattice. ``once in the map`` is the frame alone, laid into an empty map: what turning
the box costs. ``noise`` as weights takes the truth with a fifth of its labels spoilt at random.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import torch

from ssc_ros.frames import SceneEstimate, StereoFrame
from ssc_ros.fusion.temporal_map import TemporalMap
from ssc_ros.fusion.temporal_settings import TemporalSettings
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import NYU_BELOW_FLOOR_M, BoxPlacement
from ssc_ros.geometry.transforms import inverse_rigid, remove_yaw, transform_points
from ssc_ros.labels import load_label_space
from ssc_ros.metrics.completion import CompletionCounts
from ssc_ros.models.estimator import load_estimator
from training.datasets.synthetic.generate import RoomRecipe, make_sequence, make_setting
from training.datasets.synthetic.room import Room
from training.datasets.synthetic.voxels import NOT_IN_VIEW, OUTSIDE, voxel_labels

SPACE = load_label_space('nyu12')
NOISE = 'noise'
NOISE_SHARE = 0.2
VOXEL_SIZE_M = 0.08
PANEL_PX, TITLE_PX, MARGIN_PX = 360, 34, 6
WAYS = ('single frame', 'once in the map', 'fused')
Predict = Callable[[Room, int], SceneEstimate]


def noisy_truth(random: np.random.Generator) -> Predict:
    """Return a predictor that knows the labels but spoils a share of them anew in every frame."""

    def predict(room: Room, stamp_ns: int) -> SceneEstimate:
        truth = np.where(room.voxel_labels == 255, 0, room.voxel_labels).astype(np.uint8)
        is_spoilt = random.random(truth.shape) < NOISE_SHARE
        labels = np.where(is_spoilt, random.integers(0, len(SPACE), truth.shape), truth)
        box = room.placement
        return SceneEstimate(
            labels=labels.astype(np.uint8),
            confidence=random.uniform(0.4, 0.9, truth.shape).astype(np.float32),
            observed=(room.occlusion == 1) | (room.occlusion == 2), grid=box.grid,
            T_camera_voxel=box.T_camera_voxel, camera=room.camera, label_space=SPACE,
            stamp_ns=stamp_ns)

    return predict


def network(weights: str) -> Predict:
    """Return a predictor with trained weights."""
    estimator = load_estimator(weights)
    is_stereo = StereoFrame in estimator.frame_types

    def predict(room: Room, stamp_ns: int) -> SceneEstimate:
        frame = room.stereo_frame(stamp_ns) if is_stereo else room.rgbd_frame(stamp_ns)
        placement = estimator.place_box(room.T_world_camera)
        return estimator(replace(frame, placement=placement))

    return predict


def empty_map(settings: TemporalSettings | None) -> TemporalMap:
    """Return a map as the nodes make it for the box of NYUv2."""
    return TemporalMap(SPACE, VOXEL_SIZE_M, settings, origin_m=(0.0, 0.0, -NYU_BELOW_FLOOR_M))


class Walk:
    """
    One walk through a room: single frames, and the map they are fused into.

    Args:
        recipe: the room.
        predict: what is said of every view.
    """

    def __init__(
        self, recipe: RoomRecipe, predict: Predict, *, frames: int = 12, rate_hz: float = 2.0,
        settings: TemporalSettings | None = None,
    ) -> None:
        self._views = make_sequence(recipe, frames, rate_hz)
        self._predict, self._rate_hz, self._settings = predict, rate_hz, settings
        self.fused = empty_map(settings)
        # As odometry does, the map's frame begins at the robot, turned as it stands in the room.
        start = make_setting(recipe).start.T_world_camera
        self._T_room_odom = start @ inverse_rigid(remove_yaw(start))
        self.grid, self.truth = lattice_truth(recipe, self._T_room_odom)

    def steps(self) -> Iterator[Step]:
        """Yield what every way says of every view."""
        cells = self.grid.centers()
        for index, room in enumerate(self._views):
            estimate = self._predict(room, round(index * 1e9 / self._rate_hz))
            once = empty_map(self._settings)
            T_odom_camera = inverse_rigid(self._T_room_odom) @ room.T_world_camera
            for each in (once, self.fused):
                each.integrate(estimate, T_odom_camera @ estimate.T_camera_voxel)
            box = room.placement
            T_voxel_odom = inverse_rigid(T_odom_camera @ box.T_camera_voxel)
            voxel, is_inside = box.grid.point_to_index(transform_points(T_voxel_odom, cells))
            in_view = (room.occlusion != NOT_IN_VIEW) & (room.occlusion != OUTSIDE)
            is_scored = np.zeros(len(cells), np.bool_)
            is_scored[is_inside] = in_view[tuple(voxel[is_inside].T)]
            yield Step(room, estimate.labels, in_view, is_scored.reshape(self.grid.shape),
                       *(self._read(each) for each in (once, self.fused)))

    def _read(self, fused: TemporalMap) -> np.ndarray:
        """Return the map in the lattice; what is not known counts as empty."""
        labels, _ = fused.sample(self.grid, np.eye(4))
        return np.where(labels == 255, 0, labels)


@dataclass(frozen=True)
class Step:
    """
    One view, and what is said of it.

    Attributes:
        single: labels in the box of the view.
        in_view: where these are scored.
        is_scored: where the other two are, in the lattice of the walk.
        once, fused: labels in the lattice.
    """

    room: Room
    single: np.ndarray
    in_view: np.ndarray
    is_scored: np.ndarray
    once: np.ndarray
    fused: np.ndarray


def lattice_truth(
    recipe: RoomRecipe, T_room_odom: np.ndarray,
) -> tuple[VoxelGrid, np.ndarray]:
    """Return the cells of a map around the walk, and the exact label of each."""
    scene = make_setting(recipe).scene
    # Whole multiples of the size, in the layers of the boxes; x to the right, y ahead.
    right, behind, ahead, height = (
        round(length / VOXEL_SIZE_M) for length in (4.8, 0.8, 7.2, 2.88))
    grid = VoxelGrid(
        (-right * VOXEL_SIZE_M, -behind * VOXEL_SIZE_M, -NYU_BELOW_FLOOR_M), VOXEL_SIZE_M,
        (2 * right, height, behind + ahead), 'xzy')
    return grid, voxel_labels(
        scene.solids, scene.size, BoxPlacement(grid, np.eye(4)), T_room_odom)


def score(
    walks: Iterable[Walk], *, first: int = 0,
    watch: Callable[[Walk, Step], None] = lambda walk, step: None,
) -> dict[str, CompletionCounts]:
    """
    Return the counts of every way over all walks.

    Args:
        first: leave the views before it out, in which little is fused yet.
        watch: called with every view that is counted.
    """
    counts = {way: CompletionCounts(len(SPACE)) for way in WAYS}
    for walk in walks:
        for index, step in enumerate(walk.steps()):
            if index < first:
                continue
            single, once, fused = counts.values()
            single.update(step.single, step.room.voxel_labels, step.in_view)
            once.update(step.once, walk.truth, step.is_scored)
            fused.update(step.fused, walk.truth, step.is_scored)
            watch(walk, step)
    return counts


def picture_of(walk: Walk, step: Step) -> np.ndarray:
    """Return the image and, side by side, the room from above, without what is above 2 m."""
    is_room = walk.truth != 255
    columns = is_room.any(axis=1)
    x, y = (np.flatnonzero(columns.any(axis=axis)) for axis in (1, 0))
    panels = []
    for name, volume in (
            ('truth', walk.truth), ('single frame', step.once), ('fused', step.fused)):
        inside = np.where(is_room, volume, 0)[x[0]:x[-1] + 1, :, y[0]:y[-1] + 1]
        panels.append(titled(from_above(inside), name))
    height = panels[0].shape[0] - TITLE_PX - MARGIN_PX
    left = cv2.resize(step.room.left, (height * 4 // 3, height), interpolation=cv2.INTER_AREA)
    return np.hstack([titled(left, 'left image'), *panels])


def from_above(volume: np.ndarray) -> np.ndarray:
    """Return the colour of the highest matter of every column, x to the right and y up."""
    column = volume[:, :26][:, ::-1]
    top = np.take_along_axis(column, (column > 0).argmax(axis=1)[:, None], axis=1)[:, 0]
    picture = SPACE.colorize(top.astype(np.uint8).T[::-1])
    picture[top.T[::-1] == 0] = 255
    scale = PANEL_PX / max(picture.shape)
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    below, beside = PANEL_PX - picture.shape[0], PANEL_PX - picture.shape[1]
    return cv2.copyMakeBorder(
        picture, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def titled(picture: np.ndarray, title: str) -> np.ndarray:
    """Put a title above a picture and a margin around both."""
    framed = cv2.copyMakeBorder(
        picture, TITLE_PX, MARGIN_PX, MARGIN_PX, MARGIN_PX, cv2.BORDER_CONSTANT,
        value=(255, 255, 255))
    return cv2.putText(framed, title, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (30, 30, 30), 1,
                       cv2.LINE_AA)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--weights', default='occdepth_small_rooms')
    parser.add_argument('--rooms', type=int, default=10)
    parser.add_argument('--split', default='test', choices=('train', 'val', 'test'))
    parser.add_argument('--frames', type=int, default=12)
    parser.add_argument('--rate', type=float, default=2.0, help='frames per second of the walk')
    parser.add_argument('--picture', type=Path, help='last views of three rooms, from above')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    predict = noisy_truth(random) if arguments.weights == NOISE else network(arguments.weights)
    shown: dict[int, np.ndarray] = {}

    def watch(walk: Walk, step: Step) -> None:
        shown[step.room.seed] = picture_of(walk, step)

    counts = score(
        (Walk(RoomRecipe(arguments.split, index), predict, frames=arguments.frames,
              rate_hz=arguments.rate) for index in range(arguments.rooms)), watch=watch)
    print(f'{arguments.rooms} rooms of {arguments.frames} frames, {arguments.weights}; per cent')
    print(f'{"way":18} {"SC IoU":>8} {"SSC mIoU":>9}')
    for way, each in counts.items():
        scores = each.scores()
        print(f'{way:18} {100 * scores.sc_iou:8.2f} {100 * scores.ssc_miou:9.2f}')
    if arguments.picture:
        rows = list(shown.values())[:3]
        cv2.imwrite(str(arguments.picture), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == '__main__':
    main()
