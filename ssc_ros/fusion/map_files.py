"""Maps as files: ``.npz`` without loss, which ``load_volume`` reads the measured part of."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from ssc_ros.errors import DataError
from ssc_ros.fusion.completion import Completion
from ssc_ros.fusion.map_view import MapView
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.paths import replacing

_COMPLETED = 'completed_'


def save_map(path: Path | str, view: MapView) -> None:
    """
    Save a map; an older file stays until the new one is whole.

    It is not compressed, which would take seconds during which a node hears nothing.
    """
    volume, grid = view.volume, view.volume.grid
    with replacing(Path(path)) as partial, partial.open('wb') as file:
        np.savez(
            file, tsdf_m=volume.tsdf_m, weight=volume.weight, rgb=volume.rgb,
            T_grid_world=grid.T_grid_world, voxel_size_m=grid.voxel_size_m,
            start=np.array(view.start, np.int64), stamp_ns=np.int64(view.stamp_ns),
            **{_COMPLETED + entry.name: getattr(view.completion, entry.name)
               for entry in fields(Completion)})


def load_map(path: Path | str) -> MapView:
    """
    Load what ``save_map`` saved.

    Raises:
        DataError: the file is missing, damaged or something else.
    """
    try:
        with Path(path).open('rb') as file, np.load(file, allow_pickle=False) as archive:
            tsdf = archive['tsdf_m']
            z, y, x = tsdf.shape
            grid = VolumeGrid((z, y, x), float(archive['voxel_size_m']), archive['T_grid_world'])
            volume = SceneVolume(grid, tsdf, archive['weight'], archive['rgb'])
            completion = Completion(**{
                entry.name: archive[_COMPLETED + entry.name] for entry in fields(Completion)})
            row, column = archive['start'].tolist()
            return MapView(volume, completion, (row, column), int(archive['stamp_ns']))
    except FileNotFoundError as error:
        raise DataError(f'{path} does not exist: save a map first, or set map.file') from error
    except Exception as error:  # a damaged archive fails in many ways
        raise DataError(f'{path} is not a saved map: {error}') from error
