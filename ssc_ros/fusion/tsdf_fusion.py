"""Weighted TSDF and colour fusion of posed RGB-D frames, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.fusion.integration import (
    CPU_PIECE,
    FusedTensors,
    frame_view,
    integrate_piece,
    seen_pieces,
)
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.fusion.preparation import PreparedFrame, prepare_frame
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.settings import FusionSettings
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.memory import keep_freed_memory
from ssc_ros.paths import replacing

DEFAULT_FUSION = FusionSettings()


class TsdfFusion:
    """
    Fuses posed frames into a volume.

    Distances are along the optical axis, as those of SPSG (Dai et al., CVPR 2021), which brings
    a bias on slanted surfaces. The first colour of a voxel is stored, later ones are averaged
    in, so that the order of frames matters.

    Args:
        grid: the volume.
        device: where it lies.
        settings: how frames are fused.
        is_updated: (Y, X) bool, columns of voxels inside the room; all without.
    """

    def __init__(
        self, grid: VolumeGrid, device: torch.device | str = 'cpu', *,
        settings: FusionSettings = DEFAULT_FUSION, is_updated: NDArray[np.bool_] | None = None,
    ) -> None:
        self.grid = grid
        self.settings = settings
        self.device = torch.device(device)
        if is_updated is not None and is_updated.shape != grid.shape[1:]:
            raise ConfigurationError(
                f'is_updated is {is_updated.shape}, expected (Y, X) = {grid.shape[1:]}')
        self._is_updated = (
            None if is_updated is None else torch.tensor(is_updated, device=self.device))
        self._state = FusedTensors(*(
            torch.zeros(grid.shape, dtype=dtype, device=self.device)
            for dtype in (torch.float32, torch.uint8, torch.int32)))
        keep_freed_memory()

    @classmethod
    def resumed(
        cls, volume: SceneVolume, device: torch.device | str = 'cpu', *,
        settings: FusionSettings = DEFAULT_FUSION,
    ) -> TsdfFusion:
        """Return a fusion that goes on from a volume."""
        fusion = cls(volume.grid, device, settings=settings)
        packed = np.zeros((*volume.grid.shape, 4), np.uint8)
        packed[..., :3] = volume.rgb
        tsdf = np.where(volume.weight > 0, volume.tsdf_m, np.float32(0))
        state = fusion._state
        for tensor, values in ((state.tsdf_m, tsdf), (state.weight, volume.weight),
                               (state.colors, packed.view('<i4')[..., 0])):
            tensor.copy_(torch.tensor(values))
        return fusion

    @torch.inference_mode()
    def integrate(self, frame: PreparedFrame) -> None:
        """Fuse one frame; voxels before or up to the truncation behind its depth change."""
        view = frame_view(frame, self.grid, self.settings, self.device)
        if view is None:
            return
        z, y, _ = self.grid.shape
        piece_size = CPU_PIECE if self.device.type == 'cpu' else (z, y)
        for piece in seen_pieces(view, self.grid.shape, piece_size):
            integrate_piece(self._state, view, piece, self.settings, self.grid.voxel_size_m,
                            self._is_updated)

    def state(self) -> tuple[Tensor, Tensor, Tensor]:
        """
        Return distance, weight and colour on the fusion's device.

        Returns:
            (Z, Y, X) float32 metres, -inf where nothing was measured; (Z, Y, X) uint8 weight;
            (Z, Y, X, 3) uint8 RGB. Weight and colour are views and change with later frames.
        """
        state = self._state
        tsdf = torch.where(state.weight > 0, state.tsdf_m, -torch.inf)
        bytes_of_colors = state.colors.view(torch.uint8).view(*self.grid.shape, 4)
        return tsdf, state.weight, bytes_of_colors[..., :3]

    def volume(self) -> SceneVolume:
        """Return a copy as arrays."""
        tsdf, weight, rgb = (values.cpu().numpy() for values in self.state())
        return SceneVolume(self.grid, tsdf, weight.copy(), np.ascontiguousarray(rgb))


def fuse_scene(
    frames: Iterable[PosedFrame], fusion: TsdfFusion, kept: Sequence[str],
) -> tuple[SceneVolume, SceneVolume]:
    """
    Fuse some frames of a scene into an incomplete volume, then the others into a complete one.

    Colours depend on the order: the incomplete volume is a state on the way to the complete one.

    Args:
        frames: all frames; gone through once, those not kept are held in memory, prepared.
        kept: ids of the frames of the incomplete volume.

    Returns:
        The incomplete and the complete volume.

    Raises:
        DataError: a kept frame is missing or was not tracked.
    """
    missing, later = set(kept), []
    for frame in frames:
        if not frame.is_tracked:
            continue
        prepared = prepare_frame(frame, fusion.settings)
        if frame.frame_id in missing:
            missing.discard(frame.frame_id)
            fusion.integrate(prepared)
        else:
            later.append(prepared)
    if missing:
        raise DataError(f'{len(missing)} frames to keep are missing or were not tracked, such as '
                        f'{min(missing)!r}: is the list of another scene?')
    incomplete = fusion.volume()
    for prepared in later:
        fusion.integrate(prepared)
    return incomplete, fusion.volume()


def save_volume(path: Path | str, volume: SceneVolume) -> None:
    """Save a volume without loss (``.npz``); an older file stays until the new one is whole."""
    grid = volume.grid
    with replacing(Path(path)) as partial, partial.open('wb') as file:
        np.savez_compressed(
            file, tsdf_m=volume.tsdf_m, weight=volume.weight, rgb=volume.rgb,
            T_grid_world=grid.T_grid_world, voxel_size_m=grid.voxel_size_m)


def load_volume(path: Path | str) -> SceneVolume:
    """Load what ``save_volume`` saved."""
    with np.load(Path(path)) as archive:
        try:
            tsdf = archive['tsdf_m']
            z, y, x = tsdf.shape
            grid = VolumeGrid((z, y, x), float(archive['voxel_size_m']), archive['T_grid_world'])
            return SceneVolume(grid, tsdf, archive['weight'], archive['rgb'])
        except (KeyError, ValueError) as error:
            raise DataError(f'{path} is not a saved volume: {error}') from error
