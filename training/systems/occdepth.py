"""
OccDepth: A Depth-Aware Method for 3D Semantic Scene Completion (Miao et al., 2023).

Deliberate differences from the official code, all switchable: the depth network is taught the
bins it is read with (LID for both), features seen by one eye keep their full strength, colours
jitter alike in both eyes, mirrored virtual stereo mirrors its disparity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import load_label_space
from ssc_ros.metrics import CompletionCounts
from ssc_ros.models.occdepth.inputs import OccDepthOutput, depth_bins_of
from ssc_ros.models.occdepth.network import OccDepthNetwork
from training.datasets.labelled import Batch
from training.experiment import Experiment, parse_experiment
from training.losses import (
    class_cross_entropy,
    depth_cross_entropy,
    downsample_labels,
    frustum_proportion,
    occupancy_cross_entropy,
    relation_cross_entropy,
    relation_matrix,
    scene_class_affinities,
)
from training.systems.layout import use_channels_last
from training.systems.logs import log_losses, log_scores, summed
from training.systems.schedules import scheduled

# (empty, occupied), as published; SemanticKITTI's are 1 / ln(voxel frequency).
OCCUPANCY_WEIGHTS = {
    'semantic_kitti20': (0.044617, 0.050468),
    'nyu12': (0.05, 2.0),
    'semantic_tartanair14': (0.05, 2.0),
}


class OccDepthSystem(lightning.LightningModule):
    """
    Trains and validates an OccDepth network.

    Args:
        experiment: nested plain values of an `Experiment`, kept in every checkpoint.
        total_steps: optimizer steps of the whole run; schedules follow the share done.
    """

    def __init__(self, experiment: dict[str, Any], total_steps: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.experiment = parse_experiment(experiment)
        self.total_steps = total_steps
        config = self.experiment.network
        self.network = OccDepthNetwork(config)
        if self.experiment.optimization.channels_last:
            use_channels_last(self.network)
        self.label_space = load_label_space(config.label_space)
        class_weights, occupancy_weights = loss_weights(self.experiment)
        self.class_weights: Tensor
        self.occupancy_weights: Tensor
        self.register_buffer('class_weights', class_weights, persistent=False)
        self.register_buffer('occupancy_weights', occupancy_weights, persistent=False)
        self.target_bins = replace(depth_bins_of(config), spacing=config.depth_target_bins)
        self.counts = CompletionCounts(config.num_classes)

    def forward(self, batch: Batch) -> OccDepthOutput:
        """Run the network."""
        output: OccDepthOutput = self.network(batch.images, batch.inputs)
        return output

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the weighted sum of the losses."""
        output = self(batch)
        with torch.autocast(self.device.type, enabled=False):
            terms = self.loss_terms(output, batch)
        return log_losses(self, terms, len(batch.labels))

    def loss_terms(self, output: OccDepthOutput, batch: Batch) -> dict[str, tuple[float, Tensor]]:
        """Return (weight, value) of every loss that the network and the batch allow."""
        losses, labels = self.experiment.losses, batch.labels
        logits = output.ssc_logits.float()
        probabilities = torch.softmax(logits, dim=1)
        geometric, semantic = scene_class_affinities(probabilities, labels)
        terms: dict[str, tuple[float, Callable[[], Tensor]]] = {
            'class': (losses.class_, lambda: class_cross_entropy(
                logits, labels, self.class_weights)),
            'geometric': (losses.geometric, lambda: geometric),
            'semantic': (losses.semantic * self._semantic_share(), lambda: semantic),
        }
        if (occupancy := output.occ_logits) is not None:
            terms['occupancy'] = losses.occupancy, lambda: occupancy_cross_entropy(
                occupancy, labels, self.occupancy_weights)
        if (cells := batch.cells) is not None:
            terms['frustum'] = losses.frustum, lambda: frustum_proportion(
                probabilities, labels, cells)
        if (relations := output.relation_logits) is not None:
            terms['relation'] = losses.relation, lambda: relation_cross_entropy(
                relations, self._relations(labels))
        if (bins := output.depth_logits) is not None and (depth := batch.depth_m) is not None:
            # The teacher may know fewer views than the network sees (stereo: the left one).
            taught = bins[:, : depth.shape[1]]
            terms['depth'] = losses.depth, lambda: depth_cross_entropy(
                taught.flatten(0, 1), depth.flatten(0, 1), self.target_bins)
        return {name: (weight, value()) for name, (weight, value) in terms.items() if weight}

    def _semantic_share(self) -> float:
        floor = self.experiment.losses.semantic_floor
        return 1.0 if floor is None else max(floor, 1 - self.global_step / self.total_steps)

    def _relations(self, labels: Tensor) -> Tensor:
        config = self.experiment.network
        coarse = [downsample_labels(volume, 4 * config.project_scale) for volume in labels]
        return torch.stack([relation_matrix(volume, config.num_classes) for volume in coarse])

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Clip the gradient's norm and log what it was."""
        limit = self.experiment.optimization.gradient_clip
        norm = nn.utils.clip_grad_norm_(self.parameters(), limit)
        self.log('train/gradient_norm', norm)

    def configure_optimizers(self) -> Any:
        """Return AdamW and a schedule over the steps."""
        options = self.experiment.optimization
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
        return scheduled(optimizer, self.total_steps, options)

    def on_validation_epoch_start(self) -> None:
        """Start counting anew."""
        self.counts.reset()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Count the voxels of a batch."""
        self.counts.update(self(batch).ssc_logits.argmax(dim=1), batch.labels)

    def on_validation_epoch_end(self) -> None:
        """Log exact scores over all processes."""
        confusion = torch.as_tensor(self.counts.confusion, device=self.device)
        self.counts.confusion = summed(confusion, self.all_gather).cpu().numpy()
        log_scores(self, self.counts.scores().as_dict(self.label_space.names))


def loss_weights(experiment: Experiment) -> tuple[Tensor, Tensor]:
    """Return the weights of classes and of (empty, occupied): given, or of the label space."""
    losses, config = experiment.losses, experiment.network
    space = load_label_space(config.label_space)
    classes = losses.class_weights or space.class_weights
    occupancy = losses.occupancy_weights or OCCUPANCY_WEIGHTS.get(config.label_space)
    if classes is None or occupancy is None:
        raise ConfigurationError(
            f'label space {config.label_space!r} has no published loss weights: set '
            'losses.class_weights and losses.occupancy_weights')
    if len(classes) != config.num_classes:
        raise ConfigurationError(
            f'{len(classes)} class weights for {config.num_classes} classes')
    return (torch.as_tensor(classes, dtype=torch.float32),
            torch.as_tensor(occupancy, dtype=torch.float32))
