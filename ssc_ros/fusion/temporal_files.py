"""Save a fused map to one .npz file and load it again, also into a window of another size."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.temporal_map import Evidence, TemporalMap
from ssc_ros.paths import replacing

FORMAT = 'ssc_ros temporal map 1'
MAX_CELL = 2**40
TOLERANCE_M = 1e-6


def save_map(path: Path, fused: TemporalMap) -> int:
    """
    Write the cells that something is known of, as they are at the time of the latest frame.

    The file takes its place when it is complete: a full disk leaves an older one as it was.

    Returns:
        the number of cells.

    Raises:
        OSError: the file cannot be written.
    """
    index, log_odds, counts = fused.faded()
    known = fused.evidence
    with replacing(path) as partial, partial.open('wb') as file:
        np.savez_compressed(
            file, format=FORMAT, label_space=fused.label_space.name,
            names=np.array(fused.label_space.names), voxel_size_m=fused.window.voxel_size_m,
            origin_m=fused.window.origin_m, cells=fused.window.cells_at(index),
            log_odds=log_odds, counts=counts, is_observed=known.is_observed[index])
    return len(index)


def load_map(path: Path, fused: TemporalMap) -> int:
    """
    Put the cells of a file in place of what a map knows.

    The window moves to where the camera stands with the next frame; until then it is put over
    the middle of the cells. Cells outside it are left out. Time begins anew: what was saved
    fades from the next frame on.

    Returns:
        the number of cells taken over.

    Raises:
        DataError: the file is missing, damaged, or of another voxel size or label space; the
            map stays as it was.
    """
    fields = _read(path)
    _check_fit(path, fields, fused)
    cells: NDArray[np.int64] = fields['cells']
    fused.reset()
    if not len(cells):
        return 0
    fused.window.centre_on((cells.min(axis=0) + cells.max(axis=0)) // 2)
    is_inside = fused.window.contains(cells)
    counts = fields['counts'][is_inside]
    fused.put(fused.window.flat_index(cells[is_inside]), Evidence(
        fields['log_odds'][is_inside], counts, counts.argmax(axis=1).astype(np.uint8),
        fields['is_observed'][is_inside], np.zeros(len(counts), np.int32)))
    return len(counts)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # Opened here: numpy leaves the file open when it turns out to be damaged.
        with path.open('rb') as file, np.load(file, allow_pickle=False) as data:
            fields = {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error, NotImplementedError,
            MemoryError) as error:
        raise DataError(f'{path} cannot be read as a map ({error}): give a file that '
                        '~/save_map wrote') from error
    if str(fields.get('format')) != FORMAT:
        raise DataError(f'{path} is no map of format {FORMAT!r}: save it again')
    return fields


def _check_fit(path: Path, fields: dict[str, NDArray[Any]], fused: TemporalMap) -> None:
    names, expected = tuple(np.ravel(fields.get('names', ()))), fused.label_space.names
    if names != expected:
        raise DataError(
            f'{path} holds the classes {", ".join(map(str, names))} but the network tells '
            f'{", ".join(expected)}: load it with the network it was made by')
    _check_shapes(path, fields, len(expected))
    size_m, origin_m = float(fields['voxel_size_m']), fields['origin_m']
    window = fused.window
    if not (abs(size_m - window.voxel_size_m) < TOLERANCE_M
            and np.abs(origin_m - window.origin_m).max() < TOLERANCE_M):
        raise DataError(
            f'{path} has voxels of {size_m} m from {origin_m.tolist()} on, the network of '
            f'{window.voxel_size_m} m from {window.origin_m.tolist()} on: load it with the '
            'network it was made by')
    is_finite = all(np.isfinite(fields[name]).all() for name in ('log_odds', 'counts'))
    if not is_finite or np.abs(fields['cells']).max(initial=0) > MAX_CELL:
        raise DataError(f'{path} holds impossible values: the file is damaged, save it again')


def _check_shapes(path: Path, fields: dict[str, NDArray[Any]], num_classes: int) -> None:
    count = fields['cells'].shape[0] if fields.get('cells', np.empty(0)).ndim == 2 else 0
    expected: dict[str, tuple[tuple[int, ...], str]] = {
        'voxel_size_m': ((), 'f'), 'origin_m': ((3,), 'f'), 'cells': ((count, 3), 'i'),
        'log_odds': ((count,), 'f'), 'counts': ((count, num_classes), 'f'),
        'is_observed': ((count,), 'b')}
    for name, (shape, kind) in expected.items():
        values = fields.get(name)
        if values is None or values.shape != shape or values.dtype.kind != kind:
            found = 'missing' if values is None else f'{values.shape} {values.dtype}'
            raise DataError(f'{path}: {name} is {found}, expected {shape}: the file is damaged, '
                            'save it again')
