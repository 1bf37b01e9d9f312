"""Whole scenes to score networks on, and the labels that frames alone would give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.formats import read_known, read_scene, read_semantics
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.geometry.transforms import transform_points
from ssc_ros.labels import IGNORE_ID
from training.datasets.scans.prepare import IMAGES, SCENES
from training.datasets.scans.spsg import COMPLETE, INCOMPLETE, SpsgImages
from training.datasets.scans.views import training_view
from training.segmenters.pseudo_labels import read_pseudo_labels


@dataclass(frozen=True, slots=True, eq=False)
class ScanScene:
    """
    Both volumes of a scan and the truth about them.

    Attributes:
        name: of the scan.
        volumes, labels: by `incomplete` and `complete`; labels are (Z, Y, X) uint8 classes of the
            surface, 255 = none, None where no file has them.
        known: (Z, Y, X) uint8 codes of the complete volume.
        images: folder of the frames.
    """

    name: str
    volumes: dict[str, SceneVolume]
    labels: dict[str, NDArray[np.uint8] | None]
    known: NDArray[np.uint8]
    images: Path


class ScanScenes(Sequence[ScanScene]):
    """
    Scenes that `python -m training.datasets.scans chunks --scenes` wrote, read when asked for.

    Args:
        root: folder of a split.

    Raises:
        DataError: there are none.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._paths = sorted((root / SCENES).glob(f'*{INCOMPLETE}*.sdf'))
        if not self._paths:
            raise DataError(f'{root / SCENES} holds no *{INCOMPLETE}*.sdf: prepare the split with '
                            'python -m training.datasets.scans chunks --scenes')

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> ScanScene:  # type: ignore[override]
        incomplete = self._paths[index]
        paths = {'incomplete': incomplete, 'complete': incomplete.with_name(
            incomplete.name.replace(INCOMPLETE, COMPLETE))}
        volumes = {kind: read_scene(path) for kind, path in paths.items()}
        known = read_known(paths['complete'].with_suffix('.knw'), volumes['complete'].grid.shape)
        name = incomplete.name.split(INCOMPLETE)[0]
        labels = {kind: _labels(path.with_suffix('.sem')) for kind, path in paths.items()}
        return ScanScene(name, volumes, labels, known, self._root / IMAGES / name)


def pseudo_fusion(scene: ScanScene, volume: SceneVolume, num_classes: int) -> NDArray[np.uint8]:
    """
    Return the labels that the pseudo labels of all frames give to a volume's surface, 255 = none.

    Each measured pixel votes for the voxel that it lies in; the class with most votes wins
    (Kundu et al., ECCV 2020, as S4R compares with it).
    """
    votes = np.zeros((volume.grid.num_voxels, num_classes), np.uint16)
    scan = SpsgImages(scene.images)
    shape = np.array(volume.grid.shape)
    for frame_id in scan.frame_ids:
        frame = scan.read(frame_id)
        view = training_view(frame, frame.depth_camera.size,
                             labels=read_pseudo_labels(scene.images, frame_id))
        assert view.labels is not None
        row, column = np.nonzero((view.depth_m > 0) & (view.labels != IGNORE_ID))
        depth, camera = view.depth_m[row, column], view.camera
        points = np.stack([(column - camera.cx) / camera.fx * depth,
                           (row - camera.cy) / camera.fy * depth, depth], axis=1)
        places = np.rint(volume.grid.to_grid(transform_points(view.T_world_camera, points)))
        voxels = places[:, ::-1].astype(np.int64)
        inside = ((voxels >= 0) & (voxels < shape)).all(axis=1)
        flat = np.ravel_multi_index(tuple(voxels[inside].T), volume.grid.shape)
        np.add.at(votes, (flat, view.labels[row, column][inside]), 1)
    labels = votes.argmax(axis=1).astype(np.uint8)
    labels[votes.sum(axis=1) == 0] = IGNORE_ID
    return labels.reshape(volume.grid.shape)


def _labels(path: Path) -> NDArray[np.uint8] | None:
    return read_semantics(path).astype(np.uint8) if path.is_file() else None
