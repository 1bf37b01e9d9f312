"""Read frames from a package folder: the layouts of 3D-Sketch, AMMNet, CleanerS and CVSformer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.tsdf import DEFAULT_TSDF
from ssc_ros.geometry.tsdf_settings import TsdfSettings

from .conventions import IMAGE_SIZE, RULES_FILE
from .files import read_image, read_npz, read_rgb
from .layout import REQUIRED, Layout
from .poses import read_poses
from .raw import read_depth
from .regions import label_weight
from .sample import (
    NyuSample,
    as_volume,
    check_label_map,
    check_labels,
    check_mapping,
    check_tsdf,
    check_weight,
)

IMAGES = ('rgb', 'label_map13', 'label_map40', 'depth')


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """
    What is read of each frame.

    Attributes:
        images: the images wanted of `IMAGES`; those a package lacks are None in its samples.
        depth_source: volumes from the Kinect depth (NYU) or from depth rendered of the annotated
            models (NYUCAD).
        cad_weights: with NYUCAD, label weights of the Kinect volumes, as the published figures
            have them, or of its own.
        cad_root: folder of NYUCAD; by default beside the root.
    """

    images: Sequence[str] = IMAGES
    depth_source: Literal['kinect', 'cad'] = 'kinect'
    cad_weights: Literal['official', 'own'] = 'official'
    cad_root: Path | None = None

    def __post_init__(self) -> None:
        choices = {
            'depth_source': ('kinect', 'cad'), 'cad_weights': ('official', 'own')}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise DataError(f'{name} {getattr(self, name)!r} is unknown: use '
                                f'{" or ".join(allowed)}')
        unknown = sorted(set(self.images) - set(IMAGES))
        if unknown:
            raise DataError(f'images {unknown} are unknown: use {", ".join(IMAGES)}')


def has_plain_tsdf(root: Path) -> bool:
    """
    Tell whether a package holds the TSDF of the released one, or another kind on request.

    Raises:
        DataError: the record that the converter left is damaged.
    """
    path = root / RULES_FILE
    if not path.is_file():
        return True
    try:
        return TsdfSettings(**json.loads(path.read_text(encoding='ascii'))['tsdf']) == DEFAULT_TSDF
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f'{path} is damaged ({error}): convert the release again') from error


class FolderReader:
    """Reads and checks the files of one package folder."""

    def __init__(self, root: Path, options: ReadOptions) -> None:
        if not root.is_dir():
            raise DataError(f'{root} is no folder: give the root of the data set')
        self._layout, self._options = Layout(root), options
        self._cad = Layout(options.cad_root or root.parent / 'NYUCAD')
        self._poses = read_poses(root)
        self._is_plain = has_plain_tsdf(root)

    def ids(self, split: str) -> tuple[int, ...]:
        """Return the frames of a split."""
        return self._layout.ids(split)

    def check_presence(self, frame_id: int) -> None:
        """Raise a DataError where a file that every frame needs is missing."""
        for kind in REQUIRED:
            self._layout.get(kind, frame_id)
        if self._options.depth_source == 'cad':
            self._cad.get('cad_tsdf', frame_id)

    def read(self, frame_id: int) -> NyuSample:
        """Read one frame and check all of it."""
        label_path = self._layout.get('labels', frame_id)
        labels = check_labels(read_npz(label_path, ('arr_0',))['arr_0'], str(label_path))
        volumes = self._kinect_volumes(frame_id, labels)
        if self._options.depth_source == 'cad':
            volumes = self._cad_volumes(frame_id, labels, volumes)
        tsdf, weight, pixel_of_voxel = volumes
        return NyuSample(
            frame_id=frame_id, rgb=self._rgb(frame_id), tsdf=tsdf, label_weight=weight,
            pixel_of_voxel=pixel_of_voxel, labels=labels,
            label_map13=self._label_map('label_map13', 13, frame_id),
            label_map40=self._label_map('label_map40', 40, frame_id),
            placement=self._poses.placements.get(frame_id), camera=self._poses.camera,
            depth_m=self._depth(frame_id))

    def _kinect_volumes(
        self, frame_id: int, labels: NDArray[np.uint8],
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
        path = self._layout.get('tsdf', frame_id)
        arrays = read_npz(path, ('arr_0', 'arr_1'))
        tsdf = check_tsdf(arrays['arr_0'], str(path))
        # The rule of the weights needs the plain TSDF, which other kinds do not give away.
        weight = check_weight(arrays['arr_1'], labels, tsdf, str(path)) if self._is_plain else (
            as_volume(arrays['arr_1'], str(path)).astype(np.bool_))
        mapping_path = self._layout.get('mapping', frame_id)
        mapping = read_npz(mapping_path, ('arr_0',))['arr_0']
        return tsdf, weight, check_mapping(mapping, str(mapping_path))

    def _cad_volumes(
        self, frame_id: int, labels: NDArray[np.uint8], kinect: tuple[Any, Any, Any],
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]:
        """Replace the volumes by those of NYUCAD; CleanerS keeps the Kinect mapping."""
        _, weight, pixel_of_voxel = kinect
        path = self._cad.get('cad_tsdf', frame_id)
        key = 'tsdf_lr' if path.parent.name == 'TSDF_lr' else 'arr_0'
        tsdf = check_tsdf(read_npz(path, (key,))[key], str(path))
        mapping_path = self._cad.find('cad_mapping', frame_id)
        if mapping_path is not None:
            key = 'arr_1' if mapping_path.parent.name == 'mapping' else 'arr_0'
            pixel_of_voxel = check_mapping(
                read_npz(mapping_path, (key,))[key], str(mapping_path))
        if self._options.cad_weights == 'own':
            weight = label_weight(labels, tsdf)
        return tsdf, weight, pixel_of_voxel

    def _rgb(self, frame_id: int) -> NDArray[np.uint8] | None:
        path = self._image('rgb', frame_id)
        return None if path is None else read_rgb(path, IMAGE_SIZE)

    def _label_map(self, kind: str, classes: int, frame_id: int) -> NDArray[np.uint8] | None:
        path = self._image(kind, frame_id)
        if path is None:
            return None
        return check_label_map(read_image(path, IMAGE_SIZE, np.uint8), classes, str(path))

    def _depth(self, frame_id: int) -> NDArray[np.float32] | None:
        if 'depth' not in self._options.images:
            return None
        is_cad = self._options.depth_source == 'cad'
        path = self._cad.find('cad_depth', frame_id) if is_cad else (
            self._layout.find('depth', frame_id))
        return None if path is None else read_depth(path)

    def _image(self, kind: str, frame_id: int) -> Path | None:
        return self._layout.find(kind, frame_id) if kind in self._options.images else None
