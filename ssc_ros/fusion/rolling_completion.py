"""The completion of a window that moves across an endless lattice of voxels."""

from __future__ import annotations

import numpy as np
import torch

from ssc_ros.fusion.completion import NO_LABEL, Completion
from ssc_ros.fusion.rolling_arrays import Plane, PlaneBox, RollingArrays
from ssc_ros.fusion.rolling_fusion import packed_colors, unpacked_colors
from ssc_ros.fusion.volume_grid import Shape

_LAYERS: dict[str, tuple[torch.dtype, float]] = {
    'near_surface': (torch.bool, 0), 'tsdf_voxels': (torch.float16, 0), 'colors': (torch.int32, 0),
    'labels': (torch.uint8, NO_LABEL), 'confidence': (torch.float16, 0)}
_PLAIN = tuple(name for name in _LAYERS if name != 'colors')


class RollingCompletion:
    """
    What a network said of the voxels of one window, in constant memory; not thread-safe.

    Args:
        shape: (Z, Y, X) voxels of the window.
    """

    def __init__(self, shape: Shape) -> None:
        self._voxels = RollingArrays(shape, _LAYERS)
        self._columns = RollingArrays((1, *shape[1:]), {'weight': (torch.float32, 0)})

    @property
    def box(self) -> PlaneBox:
        """Where the window lies in the lattice."""
        return self._voxels.box

    @property
    def memory_bytes(self) -> int:
        """Memory of the window; it never changes."""
        return self._voxels.memory_bytes + self._columns.memory_bytes

    def move_to(self, start: Plane) -> None:
        """Let the window start at (y, x) of the lattice; what it leaves is forgotten."""
        for arrays in (self._voxels, self._columns):
            arrays.move_to(start)

    def clear(self) -> None:
        """Forget everything."""
        for arrays in (self._voxels, self._columns):
            arrays.clear()

    def read(self, box: PlaneBox) -> Completion:
        """Return a copy of some columns; nothing is known of those outside the window."""
        values = self._voxels.read(box)
        return Completion(
            weight=self._columns.read(box)['weight'][0].numpy(),
            rgb=unpacked_colors(values['colors']),
            **{name: values[name].numpy() for name in _PLAIN})

    def write(self, box: PlaneBox, completion: Completion) -> None:
        """Replace the columns of a box that lie in the window."""
        self._voxels.write(box, {
            'colors': packed_colors(completion.rgb),
            **{name: torch.from_numpy(np.ascontiguousarray(getattr(completion, name)))
               for name in _PLAIN}})
        self._columns.write(box, {'weight': torch.from_numpy(completion.weight)[None]})
