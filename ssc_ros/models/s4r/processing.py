"""Fused volumes to completed ones, alike online and offline."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.labels.numbering import class_names
from ssc_ros.models.backends import ExportedOutput
from ssc_ros.models.network_estimator import TimedEstimator
from ssc_ros.models.s4r.inference import complete_volume, optimized
from ssc_ros.models.s4r.inputs import INPUT_CHANNELS, CompletedVolume, S4rOutput, joined
from ssc_ros.models.s4r.network import S4rNetwork
from ssc_ros.models.s4r.windows import Windowing

VolumeInput = NDArray[np.float32]


class S4rEstimator(TimedEstimator[S4rNetwork, VolumeInput, Tensor, CompletedVolume, Any]):
    """
    Completes fused volumes with an S4R network.

    Attributes:
        config: of the network.
        windowing: how scenes are cut into windows; may be set at any time.
    """

    network_name = 's4r'
    network_class = S4rNetwork
    exports = ExportedOutput(S4rOutput, S4rOutput._fields)

    def __init__(
        self, network: S4rNetwork, *, name: str, device: str = 'auto', precision: str = 'auto',
    ) -> None:
        super().__init__(network, name=name, device=device, precision=precision)
        self.config = network.config
        self.windowing = Windowing()
        if self.config.num_classes != len(class_names(self.label_space)):
            raise ConfigurationError(
                f'configuration {self.config.name!r} counts {self.config.num_classes} classes, '
                f'but label space {self.config.label_space!r} has '
                f'{len(class_names(self.label_space))}: set num_classes to that')

    def settle(self, network: S4rNetwork) -> nn.Module:
        """Fold the batch norms into the convolutions, then move the network to its device."""
        return super().settle(optimized(network))

    def warm_up(self) -> S4rOutput:
        """Run one empty chunk and return what came of it."""
        return self.complete_chunks(torch.zeros(1, INPUT_CHANNELS, *self.config.chunk_shape))

    def complete_chunks(self, chunks: Tensor) -> S4rOutput:
        """
        Complete chunks (B, 5, Z, Y, X) of any device; float32 on the network's device.

        The whole network runs for every chunk: choose B by the memory at hand. Exported, it takes
        one chunk after the other.
        """
        size = len(chunks) if isinstance(self._network, nn.Module) else 1
        with self._execution.inferring():
            outputs: list[S4rOutput] = [
                self._network(part.to(self._execution.device)) for part in chunks.split(size)]
        return joined(outputs).float()

    def __call__(self, frame: VolumeInput) -> CompletedVolume:
        """
        Complete a scene.

        Args:
            frame: (5, Z, Y, X) of any size: distance in voxels, cut off at +-3 and -3 where
                nothing was observed; red, green and blue in [0, 1]; 1 where observed. Voxels
                measure ``config.voxel_size_m``, the floor lies near the third layer.

        Raises:
            DataError: the array has another shape.
        """
        completed: CompletedVolume = super().__call__(frame)
        return completed

    def prepare(self, frame: VolumeInput) -> Tensor:
        """Check the volume; it stays in the memory of the host."""
        if frame.ndim != 4 or frame.shape[0] != INPUT_CHANNELS:
            raise DataError(f'the volume is {frame.shape}: expected (5, Z, Y, X), as a fused '
                            "volume's network_input() returns")
        return torch.tensor(frame, dtype=torch.float32)

    def infer(self, prepared: Tensor) -> CompletedVolume:
        """Complete window after window."""
        return complete_volume(prepared, self.complete_chunks, self.config, self.windowing)

    def conclude(
        self, frame: VolumeInput, prepared: Tensor, answer: CompletedVolume,
    ) -> CompletedVolume:
        """Nothing is left to tell."""
        return answer
