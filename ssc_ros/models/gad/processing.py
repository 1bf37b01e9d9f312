"""Images to network inputs and network outputs to labelled images, alike online and offline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import ImageEstimate, RgbFrame
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.image_fit import ImageFit, contain_camera
from ssc_ros.labels import IGNORE_ID
from ssc_ros.labels.numbering import class_names, from_data_set_ids
from ssc_ros.models.backends import ExportedOutput
from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.gad.inference import optimized
from ssc_ros.models.gad.inputs import GadOutput, normalize_image, predict
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.network_estimator import TimedEstimator

# Depth was learned from the Kinect of NYUv2: how far a thing seems depends on the focal length.
TRAINING_FOCAL_RATIO = 519.0 / 640.0
ALL_SEEN = 0.999  # interpolated ones are not always exactly one


@dataclass(frozen=True, slots=True, eq=False)
class PreparedImage:
    """
    Network inputs of one image.

    Attributes:
        image: (1, 3, h, w) as ``normalize_image`` returns.
        fit: how it was made of the camera's image.
    """

    image: Tensor
    fit: ImageFit


@dataclass(frozen=True, slots=True, eq=False)
class ImageAnswer:
    """
    What the network says of every pixel that it saw.

    Attributes:
        ids: (h, w) uint8 as the data set counts them, 0 = unlabelled.
        confidence: (h, w) float32 probability of the id.
        depth_m: (h, w) float32, at the focal length of the training images; None = no answer.
    """

    ids: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    depth_m: NDArray[np.float32] | None


def fit_image(config: GadConfig, camera: PinholeCamera) -> ImageFit:
    """
    Plan the way of an image to the network, without squeezing it.

    The whole image is scaled into ``config.image_size``; of configurations that crop, the middle
    of that is seen.
    """
    return contain_camera(camera, config.image_size, window=config.crop_size)


class GadEstimator(
    TimedEstimator[GadNetwork, RgbFrame, PreparedImage, ImageAnswer, ImageEstimate],
):
    """Runs a GAD network on images of any size."""

    network_name = 'gad'
    network_class = GadNetwork
    exports = ExportedOutput(GadOutput, ('label_logits', 'depth_m'))

    def __init__(
        self, network: GadNetwork, *, name: str, device: str = 'auto', precision: str = 'auto',
    ) -> None:
        config = network.config
        super().__init__(network, name=name, device=device, precision=precision)
        self.config = config
        if config.num_classes != len(class_names(self.label_space)) + 1:
            raise ConfigurationError(
                f'configuration {config.name!r} counts {config.num_classes} ids, 0 included, but '
                f'label space {config.label_space!r} has {len(class_names(self.label_space))} '
                'classes: set num_classes to one more')
        if config.input_channels != 3:
            raise ConfigurationError(
                f'configuration {config.name!r} reads measured depth beside the colours, which '
                'this estimator does not have: use one with 3 input channels, e.g. small')

    def settle(self, network: GadNetwork) -> nn.Module:
        """Fold the batch norms into the convolutions, then move the network to its device."""
        return super().settle(optimized(network))

    def warm_up(self) -> ImageEstimate:
        """Run one black image and return what came of it."""
        height, width = self.config.image_size
        focal_px = TRAINING_FOCAL_RATIO * width
        return self(RgbFrame(np.zeros((height, width, 3), np.uint8), PinholeCamera(
            focal_px, focal_px, (width - 1) / 2, (height - 1) / 2, height, width)))

    def prepare(self, frame: RgbFrame) -> PreparedImage:
        """Return the image at the size of the network."""
        fit = fit_image(self.config, frame.camera)
        # Copied, as the arrays of messages may be read-only.
        pixels = torch.tensor(fit.apply(frame.rgb))[None].permute(0, 3, 1, 2)
        return PreparedImage(
            normalize_image(pixels.to(self._execution.device), self.config), fit)

    def infer(self, prepared: PreparedImage) -> ImageAnswer:
        """Return ids, their probability and depth of the network's window."""
        with self._execution.inferring():
            output = self._network(prepared.image)
        with torch.inference_mode():
            prediction = predict(output, self.config.network_size, self.config)
        depth_m = prediction.depth_m
        return ImageAnswer(
            prediction.labels[0].cpu().numpy(), prediction.confidence[0].cpu().numpy(),
            None if depth_m is None else depth_m[0].cpu().numpy())

    def conclude(
        self, frame: RgbFrame, prepared: PreparedImage, answer: ImageAnswer,
    ) -> ImageEstimate:
        """Bring the answer to the pixels of the camera, its depth to the camera's focal length."""
        size, fit = frame.camera.size, prepared.fit
        labels = from_data_set_ids(answer.ids, self.label_space)
        return ImageEstimate(
            image_labels=fit.undo(labels, size, fill=IGNORE_ID, nearest=True),
            confidence=fit.undo(answer.confidence, size, fill=0.0, nearest=True),
            depth_m=None if answer.depth_m is None else self._depth(answer.depth_m, fit, size),
            camera=frame.camera, label_space=self.label_space, stamp_ns=frame.stamp_ns,
            frame_id=frame.frame_id)

    def _depth(
        self, depth_m: NDArray[np.float32], fit: ImageFit, size: tuple[int, int],
    ) -> NDArray[np.float32]:
        focal_px = TRAINING_FOCAL_RATIO * self.config.image_size[1]
        scaled = np.maximum(depth_m, 0) * np.float32(fit.camera.fx / focal_px)
        restored: NDArray[np.float32] = fit.undo(scaled, size, fill=0.0)
        # Interpolation with the padding would draw false depths along its edge.
        is_seen = fit.undo(np.ones(depth_m.shape, np.float32), size, fill=0.0) > ALL_SEEN
        return np.where(is_seen, restored, np.float32(0))
