"""Which frames make the complete volume of a scene, and which the incomplete one."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.formats.frame_lists import read_frame_list, write_frame_list
from ssc_ros.fusion.room_box import RoomBox

NEIGHBOUR_CAMERAS = 30
# Of a video: every 20th frame, dropped in runs of 5, as its neighbour shows what one frame does.
VIDEO_STEP = 20
VIDEO_RUN = 5


def room_frames(
    poses: Mapping[str, NDArray[np.float64]], room: RoomBox, neighbours: int = NEIGHBOUR_CAMERAS,
) -> tuple[str, ...]:
    """
    Return the frames of a room: those taken inside, and the nearest of the others (SPSG).

    Args:
        poses: T_world_camera of every frame by its id; the result keeps their order.
        neighbours: how many frames from outside to add, nearest to the room's middle first.
    """
    ids = [frame_id for frame_id, pose in poses.items() if np.isfinite(pose).all()]
    if not ids:
        return ()
    centers = np.array([poses[frame_id][:3, 3] for frame_id in ids])
    is_inside = room.contains(centers)
    distance = np.linalg.norm(centers - room.center_m, axis=1)
    outside = np.flatnonzero(~is_inside)
    nearest = outside[np.argsort(distance[outside], kind='stable')[:neighbours]]
    chosen = is_inside.copy()
    chosen[nearest] = True
    return tuple(frame_id for frame_id, is_chosen in zip(ids, chosen, strict=True) if is_chosen)


def video_frames(
    poses: Mapping[str, NDArray[np.float64]], step: int = VIDEO_STEP,
) -> tuple[str, ...]:
    """Return every ``step``-th frame of a video, without those whose tracking was lost."""
    return tuple(frame_id for frame_id in list(poses)[::step]
                 if np.isfinite(poses[frame_id]).all())


def kept_frames(
    frame_ids: Sequence[str], scene: str, *, drop_probability: float = 0.5, run_length: int = 1,
) -> tuple[str, ...]:
    """
    Choose the frames of the incomplete volume of a scene, the same in every run.

    Args:
        scene: name of the scene, from which chance is drawn.
        drop_probability: of each run of frames, independently of the others.
        run_length: how many neighbouring frames are kept or dropped together.
    """
    if not 0 <= drop_probability < 1 or run_length < 1:
        raise ConfigurationError(f'drop_probability {drop_probability} must lie in [0, 1) and '
                                 f'run_length {run_length} be at least 1')
    random = np.random.default_rng(zlib.crc32(scene.encode()))
    runs = -(-len(frame_ids) // run_length)
    is_kept = np.repeat(random.random(runs) >= drop_probability, run_length)
    return tuple(frame_id for frame_id, kept in zip(frame_ids, is_kept, strict=False) if kept)


def stored_kept_frames(
    folder: Path, frame_ids: Sequence[str], scene: str, *, drop_probability: float = 0.5,
    run_length: int = 1,
) -> tuple[str, ...]:
    """Return the choice stored as ``<scene>.txt`` in a folder; choose and store it if absent."""
    path = folder / f'{scene}.txt'
    if path.is_file():
        return read_frame_list(path)
    kept = kept_frames(
        frame_ids, scene, drop_probability=drop_probability, run_length=run_length)
    folder.mkdir(parents=True, exist_ok=True)
    write_frame_list(path, kept)
    return kept
