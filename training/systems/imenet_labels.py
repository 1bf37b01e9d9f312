"""Labels that one branch gave to all training frames, for the other one to learn from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.errors import DataError
from ssc_ros.models.imenet.inputs import ImenetInputs
from ssc_ros.models.imenet.loop import pick_pixels, pick_voxels
from ssc_ros.models.imenet.network import ImenetNetwork
from training.datasets.joint.batches import JointBatch
from training.datasets.nyu.files import read_npz

_KEY = 'labels'


@dataclass(frozen=True, slots=True, eq=False)
class FixedLabels:
    """
    Labels of all training frames.

    Attributes:
        labels: (N, ...) uint8: pixels at the working size, or voxels.
    """

    labels: NDArray[np.uint8]

    def of(self, frames: Tensor) -> Tensor:
        """Return those of some frames, on the device of their indices."""
        return torch.from_numpy(self.labels[frames.cpu().numpy()]).to(frames.device)

    def save(self, path: Path) -> None:
        """Write them, atomically: a file that exists is whole."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix('.partial')
        with partial.open('wb') as file:
            np.savez_compressed(file, labels=self.labels)
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> FixedLabels:
        """
        Read them.

        Raises:
            DataError: the file is missing or damaged.
        """
        if not path.is_file():
            raise DataError(f'{path} is missing, from which the interrupted round learns: begin '
                            'the run anew with --restart')
        return cls(read_npz(path, (_KEY,))[_KEY])


@torch.no_grad()
def label_pixels(
    network: ImenetNetwork, inputs: ImenetInputs, labels3d: Tensor | None,
) -> Tensor:
    """Return (B, h, w) labels of the image branch, refined where labels of voxels are given."""
    scores = network.coarse2d(inputs)
    assert scores is not None
    return pick_pixels(
        scores if labels3d is None else network.step2d(scores, labels3d, inputs))


@torch.no_grad()
def label_voxels(
    network: ImenetNetwork, inputs: ImenetInputs, labels2d: Tensor | None,
) -> Tensor:
    """Return (B, X, Y, Z) labels of the voxel branch, refined where labels of pixels are given."""
    scores, _ = network.coarse3d(inputs)
    assert scores is not None
    if labels2d is not None:
        scores = network.step3d(scores, labels2d, inputs)
    return pick_voxels(scores, inputs.nonfree)


def collect(parts: Iterable[tuple[JointBatch, Tensor]]) -> FixedLabels:
    """Put the labels of batches in the order of their frames."""
    indices, labels = [], []
    for batch, predicted in parts:
        indices.append(batch.frame.cpu().numpy())
        labels.append(predicted.to(torch.uint8).cpu().numpy())
    order = np.argsort(np.concatenate(indices))
    return FixedLabels(np.concatenate(labels)[order])
