"""Frames to network inputs and network outputs to scene estimates, alike online and offline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.image_fit import fit_camera
from ssc_ros.geometry.tsdf import compute_tsdf
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.ammnet.inference import optimized
from ssc_ros.models.ammnet.inputs import AmmnetInputs, AmmnetOutput, normalize_image
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.backends import ExportedOutput
from ssc_ros.models.batches import as_tensor, to_device
from ssc_ros.models.execution import most_probable
from ssc_ros.models.network_estimator import LabelVolume, NetworkEstimator
from ssc_ros.models.rgbd_frames import (
    keep_nonfree,
    nonfree_voxels,
    require_depth,
    require_picture,
)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFrame:
    """
    Network inputs of one frame.

    Attributes:
        inputs: a batch of one.
        observed: (X, Y, Z) bool: a measured ray ended in or passed through the voxel.
        nonfree: (X, Y, Z) bool: the voxel lies on a measured surface or behind one.
    """

    inputs: AmmnetInputs
    observed: NDArray[np.bool_]
    nonfree: NDArray[np.bool_]


def prepare_arrays(
    config: AmmnetConfig, *, tsdf: ArrayLike | Tensor, pixel_of_voxel: ArrayLike | Tensor,
    rgb: NDArray[np.uint8] | None = None, label_map: NDArray[np.uint8] | None = None,
) -> AmmnetInputs:
    """
    Return the inputs of one frame whose TSDF is known, as the NYUv2 packages hold it.

    Args:
        tsdf: (X, Y, Z) in [-1, 1], or flat in C order.
        pixel_of_voxel: (N,) row * width + column, height * width = none; of an image of
            ``config.image_size``.
        rgb: (H, W, 3) image of that size; for configurations that read images.
        label_map: (H, W) map of that size; for configurations that read label maps.

    Raises:
        DataError: the picture that the configuration reads is missing or of another size.
    """
    picture, kind = (label_map, 'label map') if config.reads_label_maps else (rgb, 'colour image')
    pixels = as_tensor(require_picture(picture, kind, config))[None]
    return AmmnetInputs(
        image=None if config.reads_label_maps else normalize_image(pixels.permute(0, 3, 1, 2)),
        label_map=pixels if config.reads_label_maps else None,
        tsdf=as_tensor(tsdf).float().reshape(1, 1, *config.grid_shape),
        pixel_of_voxel=as_tensor(pixel_of_voxel).long().reshape(1, -1))


class FramePreparation:
    """
    Turns RGB-D frames of any camera into network inputs.

    Args:
        device: where the TSDF is computed.
    """

    def __init__(self, config: AmmnetConfig, device: torch.device | str = 'cpu') -> None:
        self.config = config
        self._device = torch.device(device)

    def __call__(self, frame: StereoFrame | RgbdFrame) -> PreparedFrame:
        """
        Prepare one frame; its images are brought to ``config.image_size``, isotropically.

        Raises:
            DataError: it is no RGB-D frame, its grid is another one, or the configuration reads
                label maps.
        """
        frame = require_depth(frame, self.config)
        if self.config.reads_label_maps:
            raise DataError(
                f'configuration {self.config.name!r} reads a label map made by another network, '
                'which a camera does not give: use one with an image encoder, e.g. small')
        grid = frame.placement.grid
        fit = fit_camera(frame.camera, self.config.image_size)
        depth = fit.apply(frame.depth_m, nearest=True)
        volume = compute_tsdf(
            depth if self._device.type == 'cpu' else torch.tensor(depth, device=self._device),
            fit.camera, grid, frame.placement.T_camera_voxel)
        inputs = prepare_arrays(
            self.config, tsdf=volume.values, pixel_of_voxel=volume.pixel_of_voxel,
            rgb=fit.apply(frame.rgb))
        distances, pixels = (part[0].cpu().numpy() for part in (
            inputs.tsdf[:, 0], inputs.pixel_of_voxel))
        nonfree = nonfree_voxels(distances, pixels, subdivision=1, no_pixel=depth.size)
        has_surface = pixels.reshape(distances.shape) != depth.size
        return PreparedFrame(inputs, (distances > 0) | has_surface, nonfree)


class AmmnetEstimator(NetworkEstimator[AmmnetNetwork, PreparedFrame, LabelVolume]):
    """
    Runs an AMMNet network on RGB-D frames.

    ``complete`` takes inputs of any origin, so that the frames of a data set, whose TSDF is
    given, go the same way as those of a camera.
    """

    network_name = 'ammnet'
    network_class = AmmnetNetwork
    exports = ExportedOutput(AmmnetOutput, ('ssc_logits',))

    def __init__(
        self, network: AmmnetNetwork, *, name: str, device: str = 'auto', precision: str = 'auto',
    ) -> None:
        super().__init__(network, name=name, device=device, precision=precision)
        self.config = network.config
        self._prepare = FramePreparation(self.config, self._execution.device)

    def settle(self, network: AmmnetNetwork) -> nn.Module:
        """Rearrange the network for inference; it holds its weights in the number format."""
        return optimized(network, self._execution.dtype).to(self._execution.device)

    def prepare(self, frame: StereoFrame | RgbdFrame) -> PreparedFrame:
        """Return image, TSDF and the pixels of visible voxels."""
        return self._prepare(frame)

    def infer(self, prepared: PreparedFrame) -> LabelVolume:
        """Return labels and their probability in grid shape."""
        return self.complete(prepared.inputs)

    def complete(self, inputs: AmmnetInputs) -> LabelVolume:
        """
        Return labels and their probability in grid shape; ends with the device in step.

        Args:
            inputs: of one frame, from a camera or from a data set (``prepare_arrays``).
        """
        with torch.inference_mode():
            output: AmmnetOutput = self._network(to_device(inputs, self._execution.device))
            return most_probable(output.ssc_logits[0])

    def conclude(
        self, frame: StereoFrame | RgbdFrame, prepared: PreparedFrame, answer: LabelVolume,
    ) -> SceneEstimate:
        """Render the labels as the camera sees them; the depth stays the measured one."""
        assert isinstance(frame, RgbdFrame)  # prepare() takes no other
        labels, confidence = keep_nonfree(
            *answer, nonfree=prepared.nonfree, observed=prepared.observed)
        view = self._viewers.get(frame.placement, frame.camera).view(labels)
        return SceneEstimate(
            labels=labels, confidence=confidence, observed=prepared.observed,
            grid=frame.placement.grid, T_camera_voxel=frame.placement.T_camera_voxel,
            camera=frame.camera, label_space=self.label_space, image_labels=view.image_labels,
            depth_m=frame.depth_m, is_depth_measured=True, stamp_ns=frame.stamp_ns,
            frame_id=frame.frame_id)
