"""NYUv2 with 40 classes: as images, packed, as the GAD authors released it, or from MATLAB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from training.datasets.nyu.conventions import CAMERAS, IMAGE_SIZE
from training.datasets.nyu.files import read_image, read_npz, read_rgb
from training.datasets.nyu.folder import ReadOptions
from training.datasets.nyu.layout import Layout
from training.datasets.nyu.matlab import MAT_FILE
from training.datasets.nyu.packed import INDEX_FILE, PackedReader
from training.datasets.nyu.poses import read_poses, sparse_depth
from training.datasets.nyu.raw import read_depth
from training.datasets.nyu.sample import check_mapping
from training.datasets.nyu.splits import standard_ids

from .image import ImageReader, LabelledImage, NumberedImages, checked_labels
from .matlab import MatReader

NUM_CLASSES = 40
_FOCAL_LENGTH_PX = CAMERAS['nyu'].fx


class NyuImages(NumberedImages):
    """
    Frames of NYUv2 with their 40 classes.

    Depth is in-painted (.mat), measured (`Depth/`), or known at the about 2,900 pixels that own
    a voxel (`Mapping/` and `camera_poses.npz`); the GAD release has none.

    Args:
        root: nyu_depth_v2_labeled.mat or its folder; a completion package with `RGB/` and
            `Label40/`, packed or not; or the `Datasets/NYU` folder of the GAD release.
        split: train, test, all, or frame numbers from 1 on.

    Raises:
        DataError: a file is missing or damaged, or holds other labels; it is named.
    """

    num_classes = NUM_CLASSES
    title = 'frame {:04d}'

    def __init__(self, root: Path | str, split: str | Sequence[int]) -> None:
        super().__init__(open_reader(Path(root)), split)


def open_reader(root: Path) -> ImageReader:
    """Return the reader of NYUv2 by what is there."""
    if root.suffix == '.mat' or (root / MAT_FILE).is_file():
        return MatReader(root if root.suffix == '.mat' else root / MAT_FILE)
    if (root / INDEX_FILE).is_file():
        return PackedImages(root)
    if (root / 'labels_40').is_dir():
        return ReleaseReader(root)
    if (root / 'Label40').is_dir():
        return PackageReader(root)
    raise DataError(
        f'{root} holds no NYUv2 with 40 classes: expected {MAT_FILE}, {INDEX_FILE}, or the '
        'folders RGB and Label40, or input and labels_40')


class PackageReader:
    """Reads a completion package with 2D labels; of its volumes only what gives depth."""

    def __init__(self, root: Path) -> None:
        self._layout, self._poses = Layout(root), read_poses(root)

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the frames of a split."""
        return self._layout.ids(split)

    def read(self, frame_id: int) -> LabelledImage:
        """Read one frame."""
        label_path = self._layout.get('label_map40', frame_id)
        labels = read_image(label_path, IMAGE_SIZE, np.uint8)
        depth_path = self._layout.find('depth', frame_id)
        depth_m = self._sparse_depth(frame_id) if depth_path is None else read_depth(depth_path)
        return LabelledImage(
            f'{frame_id:04d}', read_rgb(self._layout.get('rgb', frame_id), IMAGE_SIZE),
            checked_labels(labels, NUM_CLASSES, str(label_path)), depth_m,
            has_sparse_depth=depth_path is None, focal_length_px=_FOCAL_LENGTH_PX)

    def _sparse_depth(self, frame_id: int) -> NDArray[np.float32] | None:
        path = self._layout.find('mapping', frame_id)
        placement = self._poses.placements.get(frame_id)
        if path is None or placement is None:
            return None
        mapping = check_mapping(read_npz(path, ('arr_0',))['arr_0'], str(path))
        return sparse_depth(mapping, self._poses.camera, placement)


class PackedImages:
    """Reads frames of a packed folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._reader = PackedReader(root, ReadOptions(images=('rgb', 'label_map40', 'depth')))

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the frames of a split."""
        return self._reader.ids(split)

    def read(self, frame_id: int) -> LabelledImage:
        """Read one frame."""
        sample = self._reader.read(frame_id)
        if sample.rgb is None or sample.label_map40 is None:
            raise DataError(f'{self._root} was packed without colours or annotated labels: pack '
                            'it again with --images rgb label_map40')
        depth_m = sample.depth_m
        if depth_m is None and sample.placement is not None:
            depth_m = sparse_depth(sample.pixel_of_voxel, sample.camera, sample.placement)
        labels = checked_labels(sample.label_map40, NUM_CLASSES,
                                f'{self._root}/label_map40.npy, frame {frame_id:04d},')
        return LabelledImage(
            f'{frame_id:04d}', sample.rgb, labels, depth_m,
            has_sparse_depth=sample.depth_m is None, focal_length_px=sample.camera.fx)


class ReleaseReader:
    """Reads the evaluation data of the GAD release, whose names count from 0; without depth."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the frames of a split, the standard one."""
        return tuple(frame_id for frame_id in standard_ids(split)
                     if (self._root / self._label_name(frame_id)).is_file())

    def read(self, frame_id: int) -> LabelledImage:
        """Read one frame."""
        path = self._root / self._label_name(frame_id)
        labels: NDArray[Any] = read_image(path, IMAGE_SIZE, np.uint8)
        return LabelledImage(
            f'{frame_id:04d}',
            read_rgb(self._root / 'input' / f'{frame_id - 1:05d}.jpg', IMAGE_SIZE),
            checked_labels(labels, NUM_CLASSES, str(path)), focal_length_px=_FOCAL_LENGTH_PX)

    @staticmethod
    def _label_name(frame_id: int) -> str:
        return f'labels_40/{frame_id - 1:05d}.png'
