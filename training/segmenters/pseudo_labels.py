"""Labels of a segmenter kept beside the frames of a scan, so that they are made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.datasets.scans.files import read_image, write_png
from training.datasets.scans.frame import Scan

from .segmenter import CONFIDENCE_MIN, Segmentation, Segmenter

FOLDER = 'pseudo'


def label_scan(scan: Scan, segmenter: Segmenter, folder: Path | str) -> int:
    """
    Label the frames of a scan and return how many were new.

    Args:
        folder: of the scene; `pseudo/<frame>.png` and `<frame>_conf.png` are written under it.
            A frame that has both is not labelled again.
    """
    place, count = Path(folder) / FOLDER, 0
    for frame_id in tqdm(scan.frame_ids, desc=scan.name, unit='frame'):
        label_path, confidence_path = _paths(place, frame_id)
        if label_path.is_file() and confidence_path.is_file():
            continue
        answer = segmenter(scan.read(frame_id).rgb)
        write_png(label_path, answer.labels)
        write_png(confidence_path, np.rint(answer.confidence * 255).astype(np.uint8))
        count += 1
    return count


def read_pseudo_labels(
    folder: Path | str, frame_id: str, minimum: float = CONFIDENCE_MIN,
) -> NDArray[np.uint8]:
    """
    Return the (H, W) labels of a frame, 255 where the segmenter was less sure than the minimum.

    Raises:
        DataError: the frame was not labelled.
    """
    label_path, confidence_path = _paths(Path(folder) / FOLDER, frame_id)
    labels = read_image(label_path, None, np.uint8)
    confidence = read_image(confidence_path, labels.shape, np.uint8)
    return Segmentation(labels, (confidence / 255).astype(np.float32)).confident(minimum)


def _paths(place: Path, frame_id: str) -> tuple[Path, Path]:
    return place / f'{frame_id}.png', place / f'{frame_id}_conf.png'
