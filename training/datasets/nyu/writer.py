"""Write packages in the layout of 3D-Sketch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.placement import BoxPlacement

from .conventions import RULES_FILE
from .pooling import sketch
from .raw import write_depth


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedFrame:
    """Volumes of one frame, as in `NyuSample`, and its depth."""

    tsdf: NDArray[np.float32]
    label_weight: NDArray[np.bool_]
    pixel_of_voxel: NDArray[np.int64]
    labels: NDArray[np.uint8]
    placement: BoxPlacement
    depth_m: NDArray[np.float32]


def write_frame(
    folder: Path, frame_id: int, converted: ConvertedFrame, *, with_sketch: bool = False,
) -> None:
    """Write the files of one frame with the names, keys and types of the released package."""
    name = f'{frame_id:04d}.npz'
    arrays = {
        'TSDF': (converted.tsdf.ravel(), converted.label_weight.ravel().astype(np.float64)),
        'Mapping': (converted.pixel_of_voxel,),
        'Label': (converted.labels.ravel().astype(np.int32),)}
    for kind, values in arrays.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / kind / name, *values)
    write_depth(folder / 'Depth' / f'{frame_id:04d}.png', converted.depth_m)
    if with_sketch:
        (folder / 'sketch3D').mkdir(exist_ok=True)
        np.save(folder / 'sketch3D' / f'{frame_id:04d}.npy', sketch(converted.labels))


def write_split(folder: Path, split: str, frame_ids: Sequence[int]) -> None:
    """Write the list of a split, unless it is empty."""
    if frame_ids:
        lines = ''.join(f'{frame_id:04d}\n' for frame_id in frame_ids)
        (folder / f'{split}.txt').write_text(lines, encoding='ascii')


def write_rules(folder: Path, rules: Mapping[str, Any]) -> None:
    """Record how the volumes were made."""
    (folder / RULES_FILE).write_text(json.dumps(rules, indent=2) + '\n', encoding='ascii')
