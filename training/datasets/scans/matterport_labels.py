"""Labels of Matterport3D rooms: segments of their meshes, named by the category table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.labels import IGNORE_ID
from training.segmenters.class_map import ClassMap

from .ply import PlyMesh, read_ply
from .scannet import read_tsv

CATEGORY_TABLE = 'category_mapping.tsv'


def read_categories(path: Path, class_map: ClassMap) -> dict[str, int]:
    """
    Return the class of each raw category name, by the table's column eigen13class.

    Args:
        class_map: from eigen13 to the classes wanted.
    """
    rows = read_tsv(path, ('raw_category', 'eigen13class'))
    return {row['raw_category']: class_map.id_of(row['eigen13class']) for row in rows}


def read_region(folder: Path, region: int, categories: dict[str, int],
                ) -> tuple[PlyMesh, NDArray[np.uint8], int]:
    """
    Read `region<k>.{ply,fsegs.json,semseg.json}` of a folder region_segmentations.

    Returns:
        The mesh, the (F,) class of each face with 255 = none, and how many objects had a raw
        name that the category table lacks.

    Raises:
        DataError: a file is missing, or they do not belong together.
    """
    mesh = read_ply(folder / f'region{region}.ply')
    segments = _read_json(folder / f'region{region}.fsegs.json', 'segIndices')
    groups = _read_json(folder / f'region{region}.semseg.json', 'segGroups')
    segment_of_face = np.asarray(segments, np.int64)
    if len(segment_of_face) != len(mesh.faces):
        raise DataError(f'{folder}/region{region}: {len(mesh.faces)} faces but '
                        f'{len(segment_of_face)} segment numbers: copy the region again')
    labels = np.full(int(segment_of_face.max(initial=-1)) + 1, IGNORE_ID, np.uint8)
    unknown = 0
    for group in groups:
        unknown += group['label'] not in categories
        own = [segment for segment in group['segments'] if segment < len(labels)]
        labels[own] = categories.get(group['label'], IGNORE_ID)
    return mesh, labels[segment_of_face], unknown


def _read_json(path: Path, key: str) -> list[Any]:
    try:
        return json.loads(path.read_text(encoding='utf-8'))[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f'{path} has no readable {key} ({error}): copy it again') from error
