"""
A package as plain arrays: one memory-mapped .npy file per kind, read in microseconds.

The .npz files of a package are compressed; decoding them costs more than a training step on a
GPU. Packed once, all frames are read through the page cache, by any number of processes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.placement import BoxPlacement

from .conventions import GRID_SHAPE, IMAGE_SIZE, NUM_VOXELS, VOXEL_SIZE_M
from .folder import ReadOptions
from .sample import NyuSample

INDEX_FILE = 'packed.json'
_FORMAT = 1
_SHAPES: dict[str, tuple[int, ...]] = {
    'tsdf': GRID_SHAPE, 'label_weight': GRID_SHAPE, 'labels': GRID_SHAPE,
    'pixel_of_voxel': (NUM_VOXELS,), 'rgb': (*IMAGE_SIZE, 3), 'label_map13': IMAGE_SIZE,
    'label_map40': IMAGE_SIZE, 'depth_m': IMAGE_SIZE, 'T_camera_voxel': (4, 4), 'origin_m': (3,)}
_DTYPES: dict[str, Any] = {
    'tsdf': np.float32, 'label_weight': np.bool_, 'pixel_of_voxel': np.int32,
    'depth_m': np.float32, 'T_camera_voxel': np.float64, 'origin_m': np.float64}
_IMAGES = ('rgb', 'label_map13', 'label_map40', 'depth_m')


def pack(
    samples: Sequence[NyuSample], folder: Path, splits: Mapping[str, Sequence[int]], *,
    options: ReadOptions | None = None, tsdf_dtype: Literal['float32', 'float16'] = 'float32',
    progress: bool = False,
) -> Path:
    """
    Write samples as a packed folder, which `NyuSamples` opens like any other package.

    Args:
        splits: frames of each split; those not among the samples are left out.
        options: what the samples were opened with.
        tsdf_dtype: float16 halves the largest volume; it rounds by at most 2.5e-4.

    Raises:
        DataError: the folder exists, or images are missing from some samples only.
    """
    if folder.exists():
        raise DataError(f'{folder} exists: packed folders are never overwritten, remove it first')
    partial = folder.with_name(f'{folder.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    names = _names(samples[0])
    arrays = {name: np.lib.format.open_memmap(
        partial / f'{name}.npy', 'w+', tsdf_dtype if name == 'tsdf' else _DTYPES.get(
            name, np.uint8), (len(samples), *_SHAPES[name])) for name in names}
    ids = []
    for row, sample in enumerate(tqdm(samples, desc='pack', unit='frame', disable=not progress)):
        if _names(sample) != names:
            raise DataError(f'frame {sample.frame_id:04d} has {_names(sample)}, the first frame '
                            f'{names}: ask only for images that every frame has')
        ids.append(sample.frame_id)
        for name, value in _values(sample).items():
            arrays[name][row] = value
    for array in arrays.values():
        array.flush()
    camera, held, options = samples[0].camera, set(ids), options or ReadOptions()
    document = {
        'format': _FORMAT, 'ids': ids, 'arrays': names, 'volumes': volumes_of(options),
        'splits': {name: [i for i in members if i in held] for name, members in splits.items()},
        'camera': [camera.fx, camera.fy, camera.cx, camera.cy]}
    (partial / INDEX_FILE).write_text(json.dumps(document) + '\n', encoding='ascii')
    return partial.rename(folder)


def volumes_of(options: ReadOptions) -> str:
    """Name the depth that volumes come from, and with NYUCAD the label weights."""
    is_cad = options.depth_source == 'cad'
    return f'cad, {options.cad_weights} weights' if is_cad else 'kinect'


def _values(sample: NyuSample) -> dict[str, Any]:
    values = {name: getattr(sample, name) for name in _SHAPES if hasattr(sample, name)}
    if sample.placement is not None:
        values['T_camera_voxel'] = sample.placement.T_camera_voxel
        values['origin_m'] = np.array(sample.placement.grid.origin_m)
    return {name: value for name, value in values.items() if value is not None}


def _names(sample: NyuSample) -> list[str]:
    return sorted(_values(sample))


class PackedReader:
    """Reads frames of a packed folder."""

    def __init__(self, root: Path, options: ReadOptions) -> None:
        self._root = root
        document = _read_index(root)
        if document['volumes'] != volumes_of(options):
            raise DataError(f'{root} was packed with volumes {document["volumes"]}, asked for are '
                            f'{volumes_of(options)}: pack the data set again with these')
        self._rows = {frame_id: row for row, frame_id in enumerate(document['ids'])}
        self._splits: dict[str, list[int]] = document['splits']
        fx, fy, cx, cy = document['camera']
        self._camera = PinholeCamera(fx, fy, cx, cy, *IMAGE_SIZE)
        wanted = {'depth_m' if name == 'depth' else name for name in options.images}
        left_out = set(_IMAGES) - wanted
        self._arrays = {
            name: self._open(name) for name in document['arrays'] if name not in left_out}

    def _open(self, name: str) -> NDArray[Any]:
        path = self._root / f'{name}.npy'
        try:
            array: NDArray[Any] = np.load(path, mmap_mode='r', allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f'{path} cannot be read ({error}): pack the data set again') from error
        if array.shape != (len(self._rows), *_SHAPES[name]):
            raise DataError(f'{path} is {array.shape}, expected {len(self._rows)} frames of '
                            f'{_SHAPES[name]}: pack the data set again')
        return array

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the frames of a split."""
        if split == 'all':
            return tuple(sorted(self._rows))
        if split not in self._splits:
            raise DataError(f'split {split!r} is unknown: {self._root} has '
                            f'{", ".join(self._splits)} and all')
        return tuple(self._splits[split])

    def check_presence(self, frame_id: int) -> None:
        """Raise a DataError where a frame was not packed."""
        if frame_id not in self._rows:
            raise DataError(f'frame {frame_id:04d} was not packed into {self._root}: pack the '
                            'data set again with it')

    def read(self, frame_id: int) -> NyuSample:
        """Return one frame."""
        self.check_presence(frame_id)
        row = self._rows[frame_id]
        # Copies: views of a file opened for reading cannot become tensors.
        values: dict[str, Any] = {
            name: np.array(array[row]) for name, array in self._arrays.items()}
        images = {name: values.get(name) for name in _IMAGES}
        return NyuSample(
            frame_id=frame_id, tsdf=values['tsdf'].astype(np.float32),
            label_weight=values['label_weight'], labels=values['labels'],
            pixel_of_voxel=values['pixel_of_voxel'].astype(np.int64),
            placement=_placement(values), camera=self._camera, **images)


def _placement(values: dict[str, NDArray[np.float64]]) -> BoxPlacement | None:
    if 'T_camera_voxel' not in values:
        return None
    x, y, z = (float(value) for value in values['origin_m'])
    grid = VoxelGrid((x, y, z), VOXEL_SIZE_M, GRID_SHAPE, 'xzy')
    return BoxPlacement(grid, values['T_camera_voxel'])


def _read_index(root: Path) -> dict[str, Any]:
    path = root / INDEX_FILE
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding='ascii'))
        if document['format'] != _FORMAT:
            raise ValueError(f'format {document["format"]}, expected {_FORMAT}')
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f'{path} is no index of a packed data set ({error}): pack the data set '
                        'again') from error
    return document
