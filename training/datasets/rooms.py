"""Synthetic rooms as labelled frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

from ssc_ros.errors import DataError
from training.datasets.labelled import LabelledFrame
from training.datasets.synthetic import load_room


class RoomFrames(Sequence[LabelledFrame]):
    """
    The rooms of one split, read when asked for.

    Args:
        root: folder that `python -m training.datasets.synthetic` wrote.
        split: train, val or test.
        limit: use the first so many rooms; None takes all.
        views: 2 gives stereo pairs, 1 the left image with its depth.

    Raises:
        DataError: fewer rooms than the limit asks for, or none.
    """

    def __init__(
        self, root: Path | str, split: str, *, limit: int | None = None, views: int = 2,
    ) -> None:
        paths = sorted((Path(root) / split).glob('*.npz'))
        if len(paths) < (limit or 1):
            raise DataError(
                f'{Path(root) / split} holds {len(paths)} rooms, {limit or "some"} are needed: '
                'generate them with python -m training.datasets.synthetic')
        self.paths = paths[:limit]
        self._views = views

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> LabelledFrame: ...
    @overload
    def __getitem__(self, index: slice) -> list[LabelledFrame]: ...
    def __getitem__(self, index: int | slice) -> LabelledFrame | list[LabelledFrame]:
        if isinstance(index, slice):
            return [self[position] for position in range(len(self))[index]]
        room = load_room(self.paths[index])
        frame = room.stereo_frame() if self._views == 2 else room.rgbd_frame()
        return LabelledFrame(frame, room.voxel_labels, room.depth_m[None])
