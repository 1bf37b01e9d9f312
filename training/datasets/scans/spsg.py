"""SPSG's folders: images of scenes, chunk pairs, and the views that belong to each chunk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssc_ros.errors import DataError
from ssc_ros.fusion.formats import ChunkFile, read_chunk, read_frame_list

from .files import (
    camera_of,
    intrinsic_matrix,
    numbered,
    read_depth_png,
    read_image,
    read_numbers,
    read_rgb,
    write_depth_png,
    write_jpeg,
    write_matrix,
    write_png,
)
from .frame import Matrix, Scan, ScanFrame

INCOMPLETE, COMPLETE = '__inc__', '__cmp__'


class SpsgImages(Scan):
    """
    A scene's depth/, color/ and camera/ folders; one calibration serves both images.

    Args:
        label_space: of the images in label/, which SPSG itself does not have; None reads none.

    Raises:
        DataError: nothing in the folders belongs together.
    """

    def __init__(self, folder: Path | str, label_space: str | None = None) -> None:
        self._folder, self.label_space = Path(folder), label_space
        self._cameras = numbered(self._folder / 'camera', '.txt')
        depths, colors = (numbered(self._folder / name, suffix)
                          for name, suffix in (('depth', '.png'), ('color', '.jpg')))
        super().__init__(self._folder.name, (
            frame_id for frame_id in self._cameras if frame_id in depths and frame_id in colors))

    def pose(self, frame_id: str) -> Matrix:
        """Return T_world_camera of one frame."""
        return self._read_camera(frame_id)[:4]

    def read(self, frame_id: str) -> ScanFrame:
        """Return one frame."""
        numbers = self._read_camera(frame_id)
        depth_m = read_depth_png(self._folder / 'depth' / f'{frame_id}.png')
        rgb = read_rgb(self._folder / 'color' / f'{frame_id}.jpg')
        camera = camera_of(numbers[4:], (rgb.shape[0], rgb.shape[1]))
        labels = None
        if self.label_space is not None:
            labels = read_image(self._folder / 'label' / f'{frame_id}.png', camera.size, np.uint8)
        return ScanFrame(frame_id, depth_m, rgb, camera.resized(*depth_m.shape), camera,
                         numbers[:4], labels=labels)

    def _read_camera(self, frame_id: str) -> Matrix:
        if frame_id not in self._cameras:
            raise DataError(f'{self._folder} has no frame {frame_id}')
        return read_numbers(self._cameras[frame_id], 32).reshape(8, 4)


def write_spsg_image(folder: Path, frame: ScanFrame) -> None:
    """
    Write one frame into a scene's depth/, color/ and camera/ folders, and label/ if it has any.

    The calibration is that of the depth image, scaled to the colour image.
    """
    write_depth_png(folder / 'depth' / f'{frame.frame_id}.png', frame.depth_m)
    write_jpeg(folder / 'color' / f'{frame.frame_id}.jpg', frame.rgb)
    if frame.labels is not None:
        write_png(folder / 'label' / f'{frame.frame_id}.png', frame.labels)
    path = folder / 'camera' / f'{frame.frame_id}.txt'
    path.parent.mkdir(parents=True, exist_ok=True)
    write_matrix(path, np.concatenate(
        [frame.T_world_camera,
         intrinsic_matrix(frame.depth_camera.resized(*frame.color_camera.size))]))


@dataclass(frozen=True, slots=True)
class ChunkPair:
    """
    Where a training chunk lies on disk.

    Attributes:
        scene: folder of its images.
        frame_list: names of the frames that see it, best first.
    """

    scene: str
    incomplete: Path
    complete: Path
    frame_list: Path

    def read(self) -> tuple[ChunkFile, ChunkFile]:
        """Return the incomplete and the complete chunk."""
        return read_chunk(self.incomplete), read_chunk(self.complete)

    def frame_ids(self) -> tuple[str, ...]:
        """Return the frames that see the chunk, best first; none where there is no list."""
        return read_frame_list(self.frame_list) if self.frame_list.is_file() else ()


def find_chunks(chunks: Path | str, frame_lists: Path | str) -> list[ChunkPair]:
    """
    Return the chunk pairs of a folder, by name.

    Args:
        chunks: folder of `<scene>_room<k>__inc__<n>.sdf` and their `__cmp__` twins.
        frame_lists: folder of `<scene>_room<k>__cmp__<n>.txt`.

    Raises:
        DataError: there are none, or a twin is missing.
    """
    pairs = list[ChunkPair]()
    for incomplete in sorted(Path(chunks).glob(f'*{INCOMPLETE}*.sdf')):
        complete = incomplete.with_name(incomplete.name.replace(INCOMPLETE, COMPLETE))
        if not complete.is_file():
            raise DataError(f'{complete} is missing: every incomplete chunk needs its target')
        pairs.append(ChunkPair(scene_of(incomplete.name), incomplete, complete,
                               Path(frame_lists) / f'{complete.stem}.txt'))
    if not pairs:
        raise DataError(f'{chunks} holds no *{INCOMPLETE}*.sdf: is it the folder of chunks?')
    return pairs


def scene_of(name: str) -> str:
    """
    Return the scene whose images a chunk or a room volume belongs to.

    >>> scene_of('17DRP5sb8fy_room3__inc__12.sdf')
    '17DRP5sb8fy'
    """
    return name.split('_room')[0].split('__')[0]
