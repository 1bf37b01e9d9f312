"""ScanNet scans in their extracted layout, with axis alignment and labels."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.labels import IGNORE_ID

from .files import camera_of, numbered, read_depth_png, read_image, read_matrix, read_rgb
from .frame import Matrix, Scan, ScanFrame
from .ply import read_ply
from .sens import SensScan

LABEL_TABLE = 'scannetv2-labels.combined.tsv'
NYU40_CLASSES = 40


class ScanNetFolder(Scan):
    """
    A scan as ScanNet's own reader extracts it: color, depth, pose and intrinsic folders.

    Label images (`label-filt`, raw ids) become NYU-40 classes where the table of raw ids lies in
    the folder or above it. Poses are axis-aligned where `<scan>.txt` says how.

    Raises:
        DataError: frames lack a file, or the intrinsics are missing.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)
        self._poses, self._depths, self._colors = (
            numbered(self._folder / name, suffix)
            for name, suffix in (('pose', '.txt'), ('depth', '.png'), ('color', '.jpg')))
        self._labels = numbered(self._folder / 'label-filt', '.png')
        intrinsic = self._folder / 'intrinsic'
        self._color_matrix = read_matrix(intrinsic / 'intrinsic_color.txt')
        self._depth_matrix = read_matrix(intrinsic / 'intrinsic_depth.txt')
        self._T_world_scan = axis_alignment(self._folder / f'{self._folder.name}.txt')
        super().__init__(self._folder.name, (
            number for number in self._poses if number in self._depths and number in self._colors))
        table = next((path for place in (self._folder, self._folder.parent)
                      if (path := place / LABEL_TABLE).is_file()), None)
        self._to_nyu40 = read_label_table(table) if table and self._labels else None
        self.label_space = None if self._to_nyu40 is None else 'nyu40'

    def pose(self, frame_id: str) -> Matrix:
        """Return T_world_camera of one frame, not finite where tracking was lost."""
        if frame_id not in self._poses:
            raise DataError(f'{self._folder} has no frame {frame_id}')
        pose = read_matrix(self._poses[frame_id])
        return self._T_world_scan @ pose if np.isfinite(pose).all() else pose

    def read(self, frame_id: str) -> ScanFrame:
        """Return one frame; ScanNet's extracted folders keep no times."""
        pose = self.pose(frame_id)
        depth_m, rgb = read_depth_png(self._depths[frame_id]), read_rgb(self._colors[frame_id])
        height, width = depth_m.shape
        return ScanFrame(
            frame_id, depth_m, rgb, camera_of(self._depth_matrix, (height, width)),
            camera_of(self._color_matrix, (rgb.shape[0], rgb.shape[1])), pose,
            labels=self._read_labels(frame_id))

    def _read_labels(self, frame_id: str) -> NDArray[np.uint8] | None:
        if self._to_nyu40 is None or frame_id not in self._labels:
            return None
        raw = read_image(self._labels[frame_id], None, np.uint16)
        return self._to_nyu40[raw]


def open_scannet(path: Path | str) -> Scan:
    """
    Open a scan of ScanNet: a `.sens` stream or an extracted folder, axis-aligned if known.

    Args:
        path: the stream, its folder, or the folder with color, depth, pose and intrinsic.
    """
    place = Path(path)
    if place.is_dir() and (place / 'pose').is_dir():
        return ScanNetFolder(place)
    stream = place / f'{place.name}.sens' if place.is_dir() else place
    return SensScan(stream, axis_alignment(stream.with_suffix('.txt')))


def axis_alignment(path: Path) -> Matrix:
    """
    Return the matrix that makes floors of a scan level, from its `<scan>.txt`.

    The identity where the file or its line is missing, as for hidden test scans.
    """
    if not path.is_file():
        return np.eye(4)
    for line in path.read_text(encoding='utf-8').splitlines():
        name, _, value = line.partition('=')
        if name.strip() == 'axisAlignment':
            numbers = np.array(value.split(), np.float64)
            if len(numbers) != 16:
                raise DataError(f'{path} has an axisAlignment of {len(numbers)} numbers, '
                                'expected 16: copy it again')
            return numbers.reshape(4, 4)
    return np.eye(4)


def read_label_table(path: Path) -> NDArray[np.uint8]:
    """
    Return the (65536,) table from raw ids of label images to NYU-40 classes, 255 = none.

    Classes are counted from 0 as in the label space nyu40, whose ids in the file begin at 1.
    """
    table = np.full(2**16, IGNORE_ID, np.uint8)
    for row in read_tsv(path, ('id', 'nyu40id')):
        if row['nyu40id']:
            table[int(row['id'])] = _nyu40_class(int(row['nyu40id']))
    return table


def read_tsv(path: Path, columns: tuple[str, ...]) -> list[Mapping[str, str]]:
    """
    Read a table with a header line.

    Raises:
        DataError: the file is missing, or lacks a column.
    """
    try:
        with path.open(encoding='utf-8', newline='') as stream:
            reader = csv.DictReader(stream, delimiter='\t')
            rows = list(reader)
            names = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path} cannot be read ({error}): copy it again') from error
    absent = [column for column in columns if column not in names]
    if absent:
        raise DataError(f'{path} lacks the columns {absent}: it has {list(names)}')
    return rows


def read_mesh_labels(path: Path) -> tuple[NDArray[np.float64], NDArray[np.uint8], int]:
    """
    Read `<scan>_vh_clean_2.labels.ply`.

    Returns:
        (V, 3) vertices in the scan's own frame (before axis alignment), (V,) NYU-40 classes
        counted from 0 with 255 = none, and how many vertices carried an id that NYU-40 lacks.
    """
    mesh = read_ply(path)
    if 'label' not in (mesh.vertices.dtype.names or ()):
        raise DataError(f'{path} has no vertex property label: take <scan>_vh_clean_2.labels.ply')
    ids = mesh.vertices['label'].astype(np.int64)
    labels = np.array([_nyu40_class(number) for number in range(256)], np.uint8)
    is_stray = (ids < 0) | (ids > NYU40_CLASSES)
    return mesh.points, labels[np.where(is_stray, 0, ids)], int(is_stray.sum())


def _nyu40_class(number: int) -> int:
    return number - 1 if 1 <= number <= NYU40_CLASSES else IGNORE_ID
