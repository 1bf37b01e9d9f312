"""
Score single frames against their fusion over time, on walks through held-out synthetic rooms.

    python benchmarks/bench_temporal_quality.py [--weights occdepth_small_rooms] [--rooms 10]
        [--frames 12] [--rate 2] [--picture out.png]

After every frame the map is read at the voxels of that frame's box and both are compared with
the exact truth there, where the camera can see or the matter in view hides (as NYUv2 is scored).
``once in the map`` is the frame alone, but laid into the map and read back: what turning the box
costs. ``noise`` as weights takes the truth with a fifth of its labels spoilt at random.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2
import numpy as np
import torch

from ssc_ros.frames import SceneEstimate, StereoFrame
from ssc_ros.fusion.temporal_map import TemporalMap
from ssc_ros.fusion.temporal_settings import TemporalSettings
from ssc_ros.labels import load_label_space
from ssc_ros.metrics.completion import CompletionCounts
from ssc_ros.models.estimator import load_estimator
from training.datasets.synthetic.generate import RoomRecipe, make_sequence
from training.datasets.synthetic.room import Room
from training.datasets.synthetic.voxels import NOT_IN_VIEW

SPACE = load_label_space('nyu12')
NOISE = 'noise'
NOISE_SHARE = 0.2
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


def as_prediction(sampled: np.ndarray) -> np.ndarray:
    """Count cells of which nothing is known as empty."""
    return np.where(sampled == 255, 0, sampled)


def replay(
    rooms: Iterable[Room], predict: Predict, *, rate_hz: float,
    settings: TemporalSettings | None = None,
) -> Iterator[tuple[Room, Mapping[str, np.ndarray]]]:
    """Yield every view of one room with the labels of every way."""
    fused = TemporalMap(SPACE, 0.08, settings)
    for index, room in enumerate(rooms):
        estimate = predict(room, round(index * 1e9 / rate_hz))
        T_world_voxel = room.T_world_camera @ estimate.T_camera_voxel
        once = TemporalMap(SPACE, 0.08, settings)
        for each in (once, fused):
            each.integrate(estimate, T_world_voxel)
        box = room.T_world_camera @ room.placement.T_camera_voxel
        yield room, dict(zip(WAYS, (
            estimate.labels, *(as_prediction(each.sample(room.placement.grid, box)[0])
                               for each in (once, fused))), strict=True))


def score(
    sequences: Iterable[Iterable[Room]], predict: Predict, *, rate_hz: float, first: int = 0,
    settings: TemporalSettings | None = None,
    watch: Callable[[Room, Mapping[str, np.ndarray]], None] = lambda room, labels: None,
) -> dict[str, CompletionCounts]:
    """
    Return the counts of every way over all rooms.

    Args:
        first: leave the views before it out, in which little is fused yet.
        watch: called with every view that is counted.
    """
    counts = {way: CompletionCounts(len(SPACE)) for way in WAYS}
    for rooms in sequences:
        for index, (room, labels) in enumerate(
                replay(rooms, predict, rate_hz=rate_hz, settings=settings)):
            if index < first:
                continue
            for way, volume in labels.items():
                counts[way].update(volume, room.voxel_labels, room.occlusion != NOT_IN_VIEW)
            watch(room, labels)
    return counts


def slices(room: Room, labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the image and, side by side, the highest matter of every column below 1.9 m."""
    truth = np.where(room.voxel_labels == 255, 0, room.voxel_labels)
    panels = []
    for name, volume in (('truth', truth), *((way, labels[way]) for way in WAYS[::2])):
        column = volume[:, :24][:, ::-1]
        top = np.take_along_axis(
            column, (column > 0).argmax(axis=1)[:, None], axis=1)[:, 0].astype(np.uint8)
        # Forward is up, right is right.
        picture = cv2.resize(SPACE.colorize(top.T[::-1]), (360, 360),
                             interpolation=cv2.INTER_NEAREST)
        panels.append(titled(picture, name))
    left = cv2.resize(room.left, (480, 360), interpolation=cv2.INTER_AREA)
    return np.hstack([titled(left, 'left image'), *panels])


def titled(picture: np.ndarray, title: str) -> np.ndarray:
    """Put a title above a picture and a margin around both."""
    framed = cv2.copyMakeBorder(picture, 34, 6, 6, 6, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return cv2.putText(framed, title, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (30, 30, 30), 1,
                       cv2.LINE_AA)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument('--weights', default='occdepth_small_rooms')
    parser.add_argument('--rooms', type=int, default=10)
    parser.add_argument('--frames', type=int, default=12)
    parser.add_argument('--rate', type=float, default=2.0, help='frames per second of the walk')
    parser.add_argument('--picture', type=Path, help='last views of two rooms, from above')
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    predict = noisy_truth(random) if arguments.weights == NOISE else network(arguments.weights)
    recipes = [RoomRecipe('test', index) for index in range(arguments.rooms)]
    shown: dict[int, np.ndarray] = {}

    def watch(room: Room, labels: Mapping[str, np.ndarray]) -> None:
        shown[room.seed] = slices(room, labels)

    counts = score(
        (make_sequence(recipe, arguments.frames, arguments.rate) for recipe in recipes),
        predict, rate_hz=arguments.rate, watch=watch)
    print(f'{arguments.rooms} rooms of {arguments.frames} frames, {arguments.weights}; per cent')
    print(f'{"way":18} {"SC IoU":>8} {"SSC mIoU":>9}')
    for way, each in counts.items():
        scores = each.scores()
        print(f'{way:18} {100 * scores.sc_iou:8.2f} {100 * scores.ssc_miou:9.2f}')
    if arguments.picture:
        rows = list(chain(shown.values()))[:2]
        cv2.imwrite(str(arguments.picture), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == '__main__':
    main()
