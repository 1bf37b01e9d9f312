"""Score weights that label pixels on a split, as the standard and as GAD's release count."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import load_label_space
from ssc_ros.labels.numbering import class_names
from ssc_ros.metrics import (
    SegmentationCounts,
    center_crop,
    format_segmentation,
    release_target,
)
from ssc_ros.models.gad.inputs import GadPrediction, normalize_image, predict
from ssc_ros.models.gad.network import GadNetwork
from training.datasets.segmentation import LabelledImage
from training.datasets.segmentation.opening import open_images
from training.datasets.segmentation.preparation import picture_of, resize_picture
from training.experiment import Experiment
from training.runs import load_network, refuse_other_network
from training.systems.gad import DepthErrors
from training.tables.measured import interval_ends, provenance, write_result

RELEASE_FLIP_PROBABILITY = 0.5


class ImageScoring:
    """
    Scores a network on labelled images, one at a time.

    Standard: the whole image is resized to the network's size and the answer back, all labelled
    pixels count. Release: the middle 95 % by 95 %, mirrored at random, as the authors' evaluation
    code has it.

    Args:
        seed: of the mirroring.
    """

    def __init__(self, network: GadNetwork, device: str, *, seed: int = 0) -> None:
        self._network, self._device, self._seed = network.to(device).eval(), device, seed
        classes = network.config.num_classes - 1
        self.standard, self.release = SegmentationCounts(classes), SegmentationCounts(classes)
        self.depth_errors = DepthErrors()

    def add(self, image: LabelledImage) -> None:
        """Score an image both ways."""
        size = image.labels.shape
        picture = resize_picture(
            picture_of(image, self._network.config), self._network.config.image_size)
        prediction = self._predict(picture, size)
        self.standard.add(image.frame_id, prediction.labels[0], image.labels)
        if prediction.depth_m is not None and image.depth_m is not None:
            self.depth_errors.add(
                prediction.depth_m.cpu(), torch.from_numpy(image.depth_m)[None])
        # The name of an image decides, so that no order of images does.
        entropy = [self._seed, *image.frame_id.encode()]
        flips = bool(np.random.default_rng(entropy).random() < RELEASE_FLIP_PROBABILITY)
        middle = center_crop(picture.transpose(1, 2, 0))
        seen = (middle[:, ::-1] if flips else middle).transpose(2, 0, 1)
        self.release.add(
            image.frame_id, self._predict(seen, size).labels[0],
            release_target(image.labels, flips=flips))

    @torch.inference_mode()
    def _predict(self, picture: NDArray[np.uint8], size: tuple[int, ...]) -> GadPrediction:
        images: Tensor = torch.from_numpy(np.ascontiguousarray(picture))[None].to(self._device)
        config = self._network.config
        output = self._network(normalize_image(images, config))
        return predict(output, (size[0], size[1]), config)


def evaluate_images(
    experiment: Experiment, weights: Path, *, split: str = 'test', limit: int | None = None,
) -> dict[str, Any]:
    """
    Print the scores of a checkpoint or a bundle on a split and return them.

    They are also written to `<split>.json` in the run's folder, with the counts of every image
    and, where Pillow is installed, a picture of the confusions.

    Raises:
        ConfigurationError: the weights are of another configuration than the experiment's.
    """
    network = load_network(weights, 'gad', GadNetwork)
    refuse_other_network(experiment, network.config.to_dict(), str(weights))
    device: Literal['cuda', 'cpu'] = 'cuda' if torch.cuda.is_available() else 'cpu'
    scoring = ImageScoring(network, device)
    images = open_images(experiment, split)
    for index in tqdm(range(len(images))[:limit], desc=split, unit='image'):
        scoring.add(images[index])
    names = class_names(load_label_space(network.config.label_space))
    standard, release = scoring.standard.scores(), scoring.release.release_scores()
    print(format_segmentation(standard, release, names))
    errors = scoring.depth_errors
    if errors.count:
        print(f'\ndepth, where known: RMSE {errors.rmse_m:.3f} m, relative error '
              f'{100 * errors.relative_error:.1f} %')
    result = {
        'experiment': experiment.name, 'reproduces': experiment.reproduces, 'split': split,
        'seed': experiment.run.seed, 'weights': str(weights),
        'started_from': experiment.optimization.encoder_weights or 'random weights',
        'images': len(scoring.standard.frame_ids), **standard.as_dict(names),
        'release': release.as_dict(names),
        'intervals': interval_ends(scoring.standard), 'device': device, **provenance(device)}
    if errors.count:
        result |= {'depth_rmse_m': errors.rmse_m, 'depth_relative_error': errors.relative_error}
    write_image_result(experiment.folder, result, scoring, names)
    return result


def write_image_result(
    folder: Path, result: Mapping[str, Any], scoring: ImageScoring, names: tuple[str, ...],
) -> None:
    """Write scores, counts and the picture of confusions into a folder."""
    write_result(folder, result, scoring.standard)
    try:
        from ssc_ros.viewer.confusion import confusion_picture, save_png
    except ConfigurationError:
        return
    split = result['split']
    title = f'{result["experiment"]}, {split}: PixAcc {100 * result["pixel_accuracy"]:.1f}, ' \
            f'mIoU {100 * result["mean_iou"]:.1f}'
    save_png(confusion_picture(scoring.standard.confusion[1:, 1:], names, title=title),
             folder / f'{split}_confusion.png')
