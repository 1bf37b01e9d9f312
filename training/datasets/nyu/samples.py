"""A split of NYUv2 as a sequence of samples, or as arrays in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError

from .conventions import GRID_SHAPE, IMAGE_SIZE, NUM_VOXELS
from .ddrnet import PATTERN, DdrnetReader
from .folder import IMAGES, FolderReader, ReadOptions
from .packed import INDEX_FILE, PackedReader
from .sample import NyuSample


@dataclass(frozen=True, slots=True)
class BrokenFrame:
    """A frame that was left out, and why."""

    frame_id: int
    reason: str


class FrameReader(Protocol):
    """What a package of any layout offers."""

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the frames of train, test or all."""

    def check_presence(self, frame_id: int) -> None:
        """Raise a DataError where a needed file is missing."""

    def read(self, frame_id: int) -> NyuSample:
        """Read and check one frame."""


def open_reader(root: Path | str, options: ReadOptions) -> FrameReader:
    """Return the reader of a package by what its folder holds."""
    root = Path(root)
    if (root / INDEX_FILE).is_file():
        return PackedReader(root, options)
    if any(root.glob(PATTERN)) or any(root.glob(f'NYU*/{PATTERN}')):
        return DdrnetReader(root, options)
    return FolderReader(root, options)


class NyuSamples(Sequence[NyuSample]):
    """
    The frames of a split, read and checked when asked for.

    Args:
        root: folder of a package in the layout of 3D-Sketch, AMMNet, CleanerS, CVSformer, DDRNet
            or PALNet, or one that `pack` wrote.
        split: train, test, all, or the frame numbers themselves.
        skip_broken: leave out frames with missing or damaged files. All frames are then read
            once on opening, so that the length never changes; `broken` lists what was left out.
        images, depth_source, cad_weights, cad_root: see `ReadOptions`.

    Raises:
        DataError: a file is missing or damaged; it is named, and so is the remedy.
    """

    def __init__(
        self, root: Path | str, split: str | Sequence[int], *, skip_broken: bool = False,
        images: Sequence[str] = IMAGES, depth_source: Literal['kinect', 'cad'] = 'kinect',
        cad_weights: Literal['official', 'own'] = 'official', cad_root: Path | None = None,
    ) -> None:
        self.options = ReadOptions(images, depth_source, cad_weights, cad_root)
        self.reader = open_reader(root, self.options)
        ids = self.reader.ids(split) if isinstance(split, str) else tuple(split)
        self.broken = self._find_broken(ids, skip_broken=skip_broken)
        left_out = {frame.frame_id for frame in self.broken}
        self.frame_ids = tuple(frame_id for frame_id in ids if frame_id not in left_out)
        if not self.frame_ids:
            raise DataError(f'{root} has no usable frame in {split!r}: check the folder'
                            + (f'; first fault: {self.broken[0].reason}' if self.broken else ''))

    def _find_broken(self, ids: Sequence[int], *, skip_broken: bool) -> tuple[BrokenFrame, ...]:
        if not skip_broken:
            for frame_id in ids:
                self.reader.check_presence(frame_id)
            return ()
        broken = []
        for frame_id in ids:
            try:
                self.reader.read(frame_id)
            except DataError as error:
                broken.append(BrokenFrame(frame_id, str(error)))
        return tuple(broken)

    def __len__(self) -> int:
        return len(self.frame_ids)

    @overload
    def __getitem__(self, index: int) -> NyuSample: ...
    @overload
    def __getitem__(self, index: slice) -> list[NyuSample]: ...
    def __getitem__(self, index: int | slice) -> NyuSample | list[NyuSample]:
        if isinstance(index, slice):
            return [self[position] for position in range(len(self))[index]]
        return self.reader.read(self.frame_ids[index])


@dataclass(frozen=True, slots=True, eq=False)
class NyuArrays:
    """
    All frames of a split in memory, e.g. to be kept on a GPU.

    Attributes:
        frame_ids: (N,) int64.
        tsdf: (N, 60, 36, 60) float32 or float16.
        label_weight: (N, 60, 36, 60) bool.
        pixel_of_voxel: (N, 129600) int32.
        labels: (N, 60, 36, 60) uint8.
        rgb, label_map13, label_map40: (N, 480, 640[, 3]) uint8, None unless asked for.
    """

    frame_ids: NDArray[np.int64]
    tsdf: NDArray[Any]
    label_weight: NDArray[np.bool_]
    pixel_of_voxel: NDArray[np.int32]
    labels: NDArray[np.uint8]
    rgb: NDArray[np.uint8] | None = None
    label_map13: NDArray[np.uint8] | None = None
    label_map40: NDArray[np.uint8] | None = None

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        values = (getattr(self, name) for name in self.__slots__)
        return sum(value.nbytes for value in values if value is not None)


def load_arrays(
    samples: NyuSamples, *, images: Sequence[str] = (),
    tsdf_dtype: Literal['float32', 'float16'] = 'float32',
) -> NyuArrays:
    """
    Read a whole split into memory.

    Args:
        images: which of rgb, label_map13 and label_map40 to load; open the samples with them.
        tsdf_dtype: float16 halves the volumes and rounds by at most 2.5e-4.

    Raises:
        DataError: a frame lacks one of the images.
    """
    count = len(samples)
    shapes = {'rgb': (*IMAGE_SIZE, 3), 'label_map13': IMAGE_SIZE, 'label_map40': IMAGE_SIZE}
    arrays: dict[str, NDArray[Any]] = {
        'tsdf': np.empty((count, *GRID_SHAPE), tsdf_dtype),
        'label_weight': np.empty((count, *GRID_SHAPE), np.bool_),
        'pixel_of_voxel': np.empty((count, NUM_VOXELS), np.int32),
        'labels': np.empty((count, *GRID_SHAPE), np.uint8),
        **{name: np.empty((count, *shapes[name]), np.uint8) for name in images}}
    for row, sample in enumerate(samples):
        for name, array in arrays.items():
            value = getattr(sample, name)
            if value is None:
                raise DataError(f'frame {sample.frame_id:04d} has no {name}: open the samples '
                                'with it, or copy it from the package')
            array[row] = value
    return NyuArrays(frame_ids=np.array(samples.frame_ids), **arrays)
