"""
Geometry-Aware Distillation for Indoor Semantic Segmentation (Jiao et al., CVPR 2019).

The paper leaves open how long it trains, how it clips gradients and how it averages losses; our
choices are the defaults of `training.options.gad`. Deliberate differences, all switchable:
unlabelled is no class that is ever answered, and images are normalized for ImageNet weights.
"""

from __future__ import annotations

from typing import Any

import lightning
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssc_ros.labels import load_label_space
from ssc_ros.labels.numbering import class_names
from ssc_ros.metrics import SegmentationCounts
from ssc_ros.models.gad.inputs import GadOutput, predict
from ssc_ros.models.gad.network import GadNetwork
from training.datasets.segmentation.batches import SegmentationBatch
from training.experiment import parse_experiment
from training.losses.gad import GadLossConfig, gad_losses
from training.systems.counting import pixel_scores
from training.systems.layout import use_channels_last
from training.systems.logs import log_losses, log_scores, summed
from training.systems.schedules import scheduled


class GadSystem(lightning.LightningModule):
    """
    Trains and validates a GAD network.

    Args:
        experiment: nested plain values of an `Experiment`, kept in every checkpoint.
        total_steps: optimizer steps of the whole run; schedules follow the share done.
    """

    def __init__(self, experiment: dict[str, Any], total_steps: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.experiment = parse_experiment(experiment)
        self.total_steps = total_steps
        config, losses = self.experiment.network, self.experiment.losses
        self.network = GadNetwork(config)
        if self.experiment.optimization.channels_last:
            use_channels_last(self.network)
        self.loss_config = GadLossConfig(
            gamma=losses.gamma, reduction=losses.reduce, size=losses.size,
            masks_unlabelled=config.masks_unlabelled, berhu_scope=losses.berhu_scope,
            berhu_fraction=losses.berhu_fraction, depth_space=config.depth_space)
        self.class_names = class_names(load_label_space(config.label_space))
        self.counts = SegmentationCounts(config.num_classes - 1)
        self.depth_errors = DepthErrors()

    def forward(self, batch: SegmentationBatch) -> GadOutput:
        """Run the network."""
        output: GadOutput = self.network(batch.images, has_depth=batch.has_depth)
        return output

    def training_step(self, batch: SegmentationBatch, batch_idx: int) -> Tensor:
        """Return the weighted sum of the losses."""
        output = self(batch)
        with torch.autocast(self.device.type, enabled=False):
            terms = self.loss_terms(output, batch)
        return log_losses(self, terms, len(batch.labels))

    def loss_terms(
        self, output: GadOutput, batch: SegmentationBatch,
    ) -> dict[str, tuple[float, Tensor]]:
        """Return (weight, value) of every loss that the network and the batch allow."""
        weights, depth_m = self.experiment.losses, batch.depth_m
        if self.loss_config.size is None and output.depth_m is not None:
            depth_m = nearest_depth(depth_m, output.depth_m.shape[-2:])
        losses = gad_losses(
            output, batch.labels, depth_m, self.loss_config, has_depth=batch.has_depth)
        terms = {'semantic': (weights.semantic, losses.semantic)}
        if output.depth_m is not None:
            terms['depth'] = weights.depth, losses.depth
        for level, value in enumerate(losses.sides, 1):
            terms[f'side{level}'] = weights.side, value
        return terms

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Clip the norm of the semantic part's gradient and log what it was."""
        parameters = [each for each in self.network.semantic_parameters() if each.grad is not None]
        limit = self.experiment.optimization.gradient_clip
        self.log('train/gradient_norm', nn.utils.clip_grad_norm_(parameters, limit))

    def configure_optimizers(self) -> Any:
        """Return Adam, the backbone at a rate of its own, and a schedule over the steps."""
        options = self.experiment.optimization
        groups = [
            {'params': list(self.network.backbone_parameters()),
             'lr': options.backbone_learning_rate},
            {'params': list(self.network.other_parameters()), 'lr': options.learning_rate}]
        optimizer = torch.optim.AdamW(groups, weight_decay=options.weight_decay)
        return scheduled(optimizer, self.total_steps, options)

    def on_validation_epoch_start(self) -> None:
        """Start counting anew."""
        self.counts = SegmentationCounts(self.experiment.network.num_classes - 1)
        self.depth_errors = DepthErrors()

    def validation_step(self, batch: SegmentationBatch, batch_idx: int) -> None:
        """Count the pixels of a batch, at the size of the network."""
        prediction = predict(
            self.network(batch.images), batch.labels.shape[-2:], self.experiment.network)
        for index, (labels, target) in enumerate(
                zip(prediction.labels, batch.labels, strict=True)):
            self.counts.add(f'{self.global_rank}/{batch_idx}/{index}', labels, target)
        if prediction.depth_m is not None:
            self.depth_errors.add(prediction.depth_m, batch.depth_m)

    def on_validation_epoch_end(self) -> None:
        """Log scores over all processes: PixAcc, mAcc, mIoU, the error of depth."""
        confusion = torch.as_tensor(self.counts.confusion, device=self.device)
        scores = pixel_scores(summed(confusion, self.all_gather))
        log_scores(self, scores.as_dict(self.class_names))
        sums = summed(self.depth_errors.sums.to(self.device), self.all_gather)
        count, squares, relative = sums.tolist()
        if count:
            self.log_dict({'val/depth_rmse_m': (squares / count) ** 0.5,
                           'val/depth_relative_error': relative / count})


class DepthErrors:
    """Errors of predicted depth at the pixels where depth is known."""

    def __init__(self) -> None:
        self.sums = torch.zeros(3, dtype=torch.float64)

    def add(self, predicted_m: Tensor, depth_m: Tensor) -> None:
        """Count (B, H, W) metres against measurements, 0 = unknown."""
        is_known = depth_m > 0
        error = (predicted_m - depth_m)[is_known].double()
        self.sums += torch.stack([
            is_known.sum().double(), (error ** 2).sum(),
            (error.abs() / depth_m[is_known]).sum()]).cpu()

    @property
    def count(self) -> int:
        """Pixels counted so far."""
        return int(self.sums[0])

    @property
    def rmse_m(self) -> float:
        """Root of the mean squared error, NaN where nothing was known."""
        count, squares, _ = self.sums.tolist()
        return float((squares / count) ** 0.5) if count else float('nan')

    @property
    def relative_error(self) -> float:
        """Mean of error over depth, NaN where nothing was known."""
        count, _, relative = self.sums.tolist()
        return float(relative / count) if count else float('nan')


def nearest_depth(depth_m: Tensor, size: tuple[int, int]) -> Tensor:
    """Return (B, h, w) the nearest depth known in each block of (B, H, W), 0 where none is."""
    far = torch.finfo(depth_m.dtype).max
    nearest = -F.adaptive_max_pool2d(-depth_m.where(depth_m > 0, far)[:, None], tuple(size))[:, 0]
    return nearest.where(nearest < far, 0)
