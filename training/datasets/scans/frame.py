"""What every scan looks like from outside: posed RGB-D frames, read one at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.posed_frame import PosedFrame

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ScanFrame(PosedFrame):
    """
    A posed frame with what a data set knows beyond it.

    Attributes:
        labels: (h, w) uint8 classes of the colour pixels in the scan's label space, 255 = none.
    """

    labels: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        # Named, because slots make another class of this one, which super() would not find.
        PosedFrame.__post_init__(self)
        if self.labels is not None and self.labels.shape != self.color_camera.size:
            raise DataError(f'frame {self.frame_id}: labels are {self.labels.shape} but colour '
                            f'{self.color_camera.size}: they must belong to the same image')


class Scan(ABC):
    """
    A sequence of posed RGB-D frames that are read when asked for.

    Attributes:
        name: of the scene; seeds and file names are made of it.
        frame_ids: names of the frames, in the order in which they were taken.
        label_space: classes of the frames' labels, None where there are none.
    """

    label_space: str | None = None

    def __init__(self, name: str, frame_ids: Iterable[str]) -> None:
        self.name, self.frame_ids = name, tuple(frame_ids)
        if not self.frame_ids:
            raise DataError(f'scan {name} has no frames: is this the folder of another data set?')

    def __len__(self) -> int:
        return len(self.frame_ids)

    def __iter__(self) -> Iterator[ScanFrame]:
        return (self.read(frame_id) for frame_id in self.frame_ids)

    @abstractmethod
    def read(self, frame_id: str) -> ScanFrame:
        """
        Return one frame.

        Raises:
            DataError: there is no such frame, or its files are missing or damaged.
        """

    @abstractmethod
    def pose(self, frame_id: str) -> Matrix:
        """Return T_world_camera of one frame without decoding its images."""

    def poses(self) -> dict[str, Matrix]:
        """Return T_world_camera of every frame, as the choice of frames to fuse takes them."""
        return {frame_id: self.pose(frame_id) for frame_id in self.frame_ids}


class ChainedScan(Scan):
    """
    Several streams of one scene as one scan, frame ids counted through in the order given.

    Matterport3D buildings re-packed as `<building>_0.sens` to `_2.sens` are read like this.
    """

    def __init__(self, name: str, scans: Sequence[Scan]) -> None:
        places = [(scan, frame_id) for scan in scans for frame_id in scan.frame_ids]
        self._places = {str(number): place for number, place in enumerate(places)}
        super().__init__(name, self._places)
        self.label_space = scans[0].label_space

    def read(self, frame_id: str) -> ScanFrame:
        """Return one frame of one of the streams under its number in the chain."""
        scan, own_id = self._place(frame_id)
        return replace(scan.read(own_id), frame_id=frame_id)

    def pose(self, frame_id: str) -> Matrix:
        """Return T_world_camera of one frame."""
        scan, own_id = self._place(frame_id)
        return scan.pose(own_id)

    def _place(self, frame_id: str) -> tuple[Scan, str]:
        if frame_id not in self._places:
            raise DataError(f'{self.name} has frames 0 to {len(self) - 1}, not {frame_id}')
        return self._places[frame_id]
