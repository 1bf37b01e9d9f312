"""Semantic segmentation models of the transformers library as segmenters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModelForSemanticSegmentation

from ssc_ros.errors import WeightsError
from ssc_ros.labels import load_label_space
from ssc_ros.models.execution import Execution

from .class_map import load_class_map
from .segmenter import Segmentation, checked_rgb

# Of ImageNet, for RGB in 0..255: what all these backbones were trained with.
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
SIZE_MULTIPLE = 32


class HubSegmenter:
    """
    A model that gives logits per pixel and class, e.g. SegFormer.

    Args:
        model: hub id or folder of a model for semantic segmentation.
        taxonomy: what its class names are of, e.g. `ade20k`; or a label space's own map of ids,
            e.g. `mseg`.
        label_space: the classes wanted.
        short_side: images are resized so that their shorter side has so many pixels.
        flips: average with the answer for the mirrored image.

    Raises:
        WeightsError: the model cannot be loaded.
        ConfigurationError: there is no class map.
    """

    def __init__(
        self, model: str | Path, taxonomy: str, label_space: str, *, short_side: int = 360,
        flips: bool = True, device: str = 'auto',
    ) -> None:
        self.name = str(model)
        self.label_space = load_label_space(label_space)
        self._execution = Execution.resolve(device, 'float32')
        try:
            network = AutoModelForSemanticSegmentation.from_pretrained(str(model))
        except (OSError, ValueError) as error:
            raise WeightsError(f'{model} is not a model for semantic segmentation ({error}): give '
                               'a hub id or a folder with config.json and weights') from error
        self._network = network.eval().to(self._execution.device)
        names = [network.config.id2label[index] for index in range(network.config.num_labels)]
        if taxonomy in self.label_space.maps:
            last = len(self.label_space.maps[taxonomy]) - 1
            self._table = self.label_space.remap(np.arange(256).clip(max=last), taxonomy)
        else:
            self._table = load_class_map(taxonomy, label_space).table(names)
        self._short_side, self._flips = short_side, flips

    @torch.inference_mode()
    def __call__(self, rgb: NDArray[np.uint8]) -> Segmentation:
        """Label an (H, W, 3) uint8 RGB image."""
        height, width = checked_rgb(rgb).shape[:2]
        image = torch.from_numpy(rgb.transpose(2, 0, 1).astype(np.float32))[None]
        image = (image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
        scale = self._short_side / min(height, width)
        size = [max(round(side * scale / SIZE_MULTIPLE), 1) * SIZE_MULTIPLE
                for side in (height, width)]
        image = F.interpolate(image, size, mode='bilinear', antialias=scale < 1)
        probability = self._probability(image.to(self._execution.device))
        probability = F.interpolate(probability, (height, width), mode='bilinear')
        confidence, ids = probability[0].max(dim=0)
        return Segmentation(self._table[ids.cpu().numpy()], confidence.cpu().numpy())

    def _probability(self, image: Tensor) -> Tensor:
        probability = self._network(pixel_values=image).logits.softmax(dim=1)
        if not self._flips:
            return probability
        mirrored = self._network(pixel_values=image.flip(-1)).logits.softmax(dim=1)
        return (probability + mirrored.flip(-1)) / 2
