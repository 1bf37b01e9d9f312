"""Fusion of posed frames into a window that follows the camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.fusion.integration import (
    CPU_PIECE,
    FrameView,
    FusedTensors,
    Piece,
    frame_view,
    integrate_piece,
    seen_pieces,
)
from ssc_ros.fusion.preparation import PreparedFrame
from ssc_ros.fusion.rolling_arrays import Plane, PlaneBox, RollingArrays
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.fusion.tsdf_fusion import DEFAULT_FUSION
from ssc_ros.fusion.volume_grid import PADDING_XYZ, Shape, VolumeGrid
from ssc_ros.memory import keep_freed_memory

# The window moves by whole blocks of voxels, when the camera leaves its middle third.
BLOCK_VOXELS = 16


class RollingFusion:
    """
    Fuses posed frames as ``TsdfFusion`` does, in constant memory, whatever the length of the way.

    Voxels belong to a lattice that is fixed in the world: the centre of voxel (3, 0, 0) lies on
    the floor below the origin, where completion networks expect the floor. Inside the window
    the values are those of a ``TsdfFusion`` over all that the window ever held.

    Args:
        shape: (Z, Y, X) voxels of the window.
        voxel_size_m: edge of a voxel.
        floor_z_m: height of the floor in the world.
        device: where the window lies.
        settings: how frames are fused.
    """

    def __init__(
        self, shape: Shape, *, voxel_size_m: float, floor_z_m: float = 0.0,
        device: torch.device | str = 'cpu', settings: FusionSettings = DEFAULT_FUSION,
    ) -> None:
        self.settings = settings
        self.device = torch.device(device)
        self._lattice = _lattice(shape, voxel_size_m, floor_z_m)
        self._arrays = RollingArrays(shape, {
            'tsdf_m': (torch.float32, 0), 'weight': (torch.uint8, 0), 'colors': (torch.int32, 0),
        }, self.device)
        self._state = FusedTensors(*(
            self._arrays[name] for name in ('tsdf_m', 'weight', 'colors')))
        self._is_placed = False
        keep_freed_memory()

    @property
    def box(self) -> PlaneBox:
        """Where the window lies in the lattice."""
        return self._arrays.box

    @property
    def voxel_size_m(self) -> float:
        """Edge of a voxel."""
        return self._lattice.voxel_size_m

    @property
    def memory_bytes(self) -> int:
        """Memory of the window; it never changes."""
        return self._arrays.memory_bytes

    def grid(self, box: PlaneBox) -> VolumeGrid:
        """Return where the voxels of a box lie in the world."""
        height = self._lattice.shape[0]
        return self._lattice.cropped((0, *box.start), (height, *box.shape))

    def column_of(self, point_world: NDArray[np.float64]) -> Plane:
        """Return (y, x) of the column of voxels that a point in metres lies in."""
        x, y, _ = np.rint(self._lattice.to_grid(point_world[None])[0]).astype(int).tolist()
        return y, x

    def follow(self, column: Plane) -> bool:
        """Keep a column in the middle third of the window; return whether the window moved."""
        start = tuple(
            _followed(first, length, at, must_center=not self._is_placed) for first, length, at
            in zip(self.box.start, self.box.shape, column, strict=True))
        self._is_placed = True
        if start == self.box.start:
            return False
        self._arrays.move_to((start[0], start[1]))
        return True

    @torch.inference_mode()
    def integrate(self, frame: PreparedFrame) -> None:
        """Fuse one frame; voxels outside the window stay unknown."""
        view = frame_view(frame, self._lattice, self.settings, self.device)
        if view is None:
            return
        is_cpu = self.device.type == 'cpu'
        for part in self._arrays.parts():
            piece_size = CPU_PIECE if is_cpu else part.shape[:2]
            seen = _seen_from(view, part.start)
            for piece in seen_pieces(seen, part.shape, piece_size):
                integrate_piece(
                    self._state, view, _moved(piece, part.start), self.settings,
                    self.voxel_size_m, None,
                    stored=_moved(piece, tuple(place.start or 0 for place in part.stored)))

    def volume(self, box: PlaneBox | None = None) -> SceneVolume:
        """Return a copy of the window, or of any box of the lattice."""
        box = box or self.box
        values = self._arrays.read(box)
        tsdf = torch.where(values['weight'] > 0, values['tsdf_m'], -torch.inf)
        return SceneVolume(
            self.grid(box), tsdf.cpu().numpy(), values['weight'].cpu().numpy(),
            unpacked_colors(values['colors']))

    def restore(self, volume: SceneVolume, start: Plane) -> None:
        """Go on from a volume of the window's size whose first column is (y, x)."""
        self.clear()
        self._arrays.move_to(start)
        self._is_placed = True
        tsdf = np.where(volume.weight > 0, volume.tsdf_m, np.float32(0))
        self._arrays.write(self.box, {
            'tsdf_m': torch.from_numpy(tsdf), 'weight': torch.from_numpy(volume.weight),
            'colors': packed_colors(volume.rgb)})

    def clear(self) -> None:
        """Forget everything; the next column that is followed becomes the middle."""
        self._arrays.clear()
        self._is_placed = False


def packed_colors(rgb: NDArray[np.uint8]) -> Tensor:
    """Return int32 words of (..., 3) uint8 colours, red in the lowest byte."""
    packed = np.zeros((*rgb.shape[:-1], 4), np.uint8)
    packed[..., :3] = rgb
    return torch.from_numpy(packed.view('<i4')[..., 0])


def unpacked_colors(words: Tensor) -> NDArray[np.uint8]:
    """Return (..., 3) uint8 colours of what ``packed_colors`` returned."""
    packed = words.cpu().numpy().astype('<i4', copy=False)
    return np.ascontiguousarray(packed[..., None].view(np.uint8)[..., :3])


def _lattice(shape: Shape, voxel_size_m: float, floor_z_m: float) -> VolumeGrid:
    matrix = np.diag([1 / voxel_size_m] * 3 + [1.0])
    matrix[2, 3] = PADDING_XYZ[2] - floor_z_m / voxel_size_m
    return VolumeGrid(shape, voxel_size_m, matrix)


def _followed(first: int, length: int, at: int, *, must_center: bool) -> int:
    """Return where an axis of the window begins so that ``at`` lies in its middle third."""
    if not must_center and length / 3 <= at - first <= length * 2 / 3:
        return first
    return (at - length // 2 + BLOCK_VOXELS // 2) // BLOCK_VOXELS * BLOCK_VOXELS


def _seen_from(view: FrameView, start: Shape) -> FrameView:
    """Return a view whose projection counts voxels from another one on."""
    shift = np.eye(4)
    shift[:3, 3] = start[::-1]
    return replace(view, projection=view.projection @ shift)


def _moved(piece: Piece, start: tuple[int, ...]) -> Piece:
    z, y, x = (slice(part.start + first, part.stop + first)
               for part, first in zip(piece, start, strict=True))
    return z, y, x
