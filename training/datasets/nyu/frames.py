"""The benchmark as labelled RGB-D frames, for networks that project voxels into the image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame
from training.datasets.labelled import LabelledFrame

from .poses import sparse_depth
from .sample import NyuSample
from .samples import NyuSamples


class NyuFrames(Sequence[LabelledFrame]):
    """
    The frames of a split with box and camera pose.

    Depth is the measured image where the package has one, else the sparse depth at the about
    2,900 pixels that own a voxel.

    Args:
        root, split, skip_broken: see `NyuSamples`.
        limit: use the first so many frames; None takes all.
    """

    def __init__(
        self, root: Path | str, split: str | Sequence[int], *, limit: int | None = None,
        skip_broken: bool = False,
    ) -> None:
        self.samples = NyuSamples(
            root, split, images=('rgb', 'depth'), skip_broken=skip_broken)
        self._length = len(range(len(self.samples))[:limit])

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> LabelledFrame: ...
    @overload
    def __getitem__(self, index: slice) -> list[LabelledFrame]: ...
    def __getitem__(self, index: int | slice) -> LabelledFrame | list[LabelledFrame]:
        positions = range(self._length)[index]
        if isinstance(positions, range):
            return [self[position] for position in positions]
        return labelled_frame(self.samples[positions])


def labelled_frame(sample: NyuSample) -> LabelledFrame:
    """
    Return a sample as an RGB-D frame with its truth.

    Raises:
        DataError: the colour image or the camera pose is unknown.
    """
    if sample.rgb is None or sample.placement is None:
        lacking = 'colour image' if sample.rgb is None else 'camera pose'
        raise DataError(f'frame {sample.frame_id:04d} has no {lacking}: add RGB/ and '
                        'camera_poses.npz to the package, convert the raw release, or pack with '
                        '--images rgb')
    depth_m = sample.depth_m
    if depth_m is None:
        depth_m = sparse_depth(sample.pixel_of_voxel, sample.camera, sample.placement)
    frame = RgbdFrame(sample.rgb, depth_m, sample.camera, sample.placement,
                      frame_id=f'nyu_{sample.frame_id:04d}')
    return LabelledFrame(frame, sample.labels, depth_m[None])
