"""
AMMNet: Unleashing Network Potentials for Semantic Scene Completion (Wang et al., CVPR 2024).

Defaults follow the official code. Deliberate differences, all switchable: colours change in 8-bit
HSV throughout; each optimizer decays only its own weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import load_label_space
from ssc_ros.models.ammnet.discriminator import Discriminator
from ssc_ros.models.ammnet.inputs import AmmnetOutput
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.layers.bottleneck3d import Bottleneck3D, Upsample
from training.datasets.completion_batches import AmmnetBatch
from training.experiment import parse_experiment
from training.losses import (
    erase,
    erased_mask,
    judged,
    masked_labels,
    one_hot_volume,
    shuffle,
    smooth_cross_entropy,
    visible_truth,
)
from training.systems.counting import RegionCounts
from training.systems.layout import compute_again, use_channels_last
from training.systems.logs import log_scores
from training.systems.optimizers import clip_gradients, decay_groups, decay_weights
from training.systems.schedules import learning_rate_factor, share_done
from training.systems.seeding import seed_step


class AmmnetSystem(lightning.LightningModule):
    """
    Trains and validates an AMMNet network against its discriminator.

    A training step is one batch: first the discriminator, then the network, each over passes of
    `data.batch_size` samples. Only the network's optimizer counts as a step of the trainer.

    Args:
        experiment: nested plain values of an `Experiment`, kept in every checkpoint.
        total_steps: optimizer steps of the whole run; schedules follow the share done.
    """

    def __init__(self, experiment: dict[str, Any], total_steps: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.save_hyperparameters()
        self.experiment = parse_experiment(experiment)
        self.total_steps = total_steps
        config, options = self.experiment.network, self.experiment.optimization
        self.network = AmmnetNetwork(config)
        losses = self.experiment.losses
        self.discriminator = Discriminator(config) if losses.adversarial else None
        if losses.discriminator_forward == 'shared' and options.accumulate_batches > 1:
            raise ConfigurationError(
                'losses.discriminator_forward shared needs the whole batch in one pass: set '
                'optimization.accumulate_batches to 1')
        if losses.class_weights and len(losses.class_weights) != config.num_classes:
            raise ConfigurationError(
                f'{len(losses.class_weights)} class weights for {config.num_classes} classes')
        if options.channels_last:
            use_channels_last(self)
        if options.checkpointing:
            compute_again(self.network, (Bottleneck3D, Upsample))
        if options.compiles:
            self.network.compile()
        self.class_weights: Tensor | None
        self.register_buffer(
            'class_weights', torch.tensor(losses.class_weights) if losses.class_weights else None,
            persistent=False)
        self.label_space = load_label_space(config.label_space)
        self.counts = RegionCounts(config.num_classes)
        self.train_counts = RegionCounts(config.num_classes)

    def forward(self, batch: AmmnetBatch) -> AmmnetOutput:
        """Run the network."""
        output: AmmnetOutput = self.network(batch.inputs)
        return output

    def training_step(self, batch: AmmnetBatch, batch_idx: int) -> None:
        """Train the discriminator, then the network, and log the losses."""
        seed_step(self.experiment.run.seed, self.global_step, self.global_rank)
        passes = batch.split(self.experiment.data.batch_size)
        self._set_learning_rate()
        shared = None
        if self.discriminator is None:
            terms: dict[str, Tensor] = {}
        elif self.experiment.losses.discriminator_forward == 'shared':
            shared = self(passes[0])
            terms = self._teach_discriminator(passes, [shared])
        else:
            terms = self._teach_discriminator(passes)
        terms |= self._teach_network(passes, shared)
        size = len(batch.labels)
        total = terms.pop('total')
        self.log_dict({f'train/{name}': value for name, value in terms.items()}, batch_size=size)
        self.log('train/learning_rate', self._optimizer(0).param_groups[0]['lr'])
        self.log('train/total', total, prog_bar=True, batch_size=size)

    def _teach_discriminator(
        self, passes: Sequence[AmmnetBatch], outputs: Sequence[AmmnetOutput] = (),
    ) -> dict[str, Tensor]:
        """Take one step of the discriminator and return its mean loss."""
        assert self.discriminator is not None
        total = torch.zeros((), device=self.device)
        for index, batch in enumerate(passes):
            with torch.no_grad():
                output = outputs[index] if outputs else self(batch)
                fake = self.shown_prediction(output, batch).detach()
            loss = self.discriminator_loss(fake, batch) / len(passes)
            self.manual_backward(loss)
            total += loss.detach()
        norm = self._step(1, self.discriminator, self.network)
        return {'discriminator': total, 'discriminator_gradient_norm': norm}

    def _teach_network(
        self, passes: Sequence[AmmnetBatch], shared: AmmnetOutput | None,
    ) -> dict[str, Tensor]:
        """Take one step of the network and return its mean losses."""
        if self.discriminator is not None:
            self.discriminator.requires_grad_(False)
        sums: dict[str, Tensor] = {}
        for batch in passes:
            output = self(batch) if shared is None else shared
            terms = self.loss_terms(output, batch)
            total = torch.stack([weight * value for weight, value in terms.values()]).sum()
            self.manual_backward(total / len(passes))
            self.train_counts.update(output.ssc_logits.detach(), batch)
            values = {'total': total, **{name: value for name, (_, value) in terms.items()}}
            for name, value in values.items():
                sums[name] = sums.get(name, 0) + value.detach() / len(passes)
        if self.discriminator is not None:
            self.discriminator.requires_grad_(True)
        sums['gradient_norm'] = self._step(0, self.network, self.discriminator)
        return sums

    def loss_terms(
        self, output: AmmnetOutput, batch: AmmnetBatch,
    ) -> dict[str, tuple[float, Tensor]]:
        """Return (weight, value) of every loss of the network."""
        losses = self.experiment.losses
        smoothing, weights = losses.label_smoothing, self.class_weights
        terms = {'completion': (losses.completion, smooth_cross_entropy(
            output.ssc_logits, masked_labels(batch.labels, batch.weight),
            smoothing=smoothing, weights=weights))}
        if losses.image and output.semantic2d_logits is not None:
            terms['image'] = losses.image, smooth_cross_entropy(
                output.semantic2d_logits, batch.pixel_labels, smoothing=smoothing, weights=weights)
        if self.discriminator is not None:
            verdict = self._judge(self.shown_prediction(output, batch))
            terms['adversarial'] = losses.adversarial, judged(verdict, real=True)
        return terms

    def shown_prediction(self, output: AmmnetOutput, batch: AmmnetBatch) -> Tensor:
        """
        Return the masked logits that the discriminator sees, in the decoder's frame.

        The official code masks in that frame with the mask of the other.
        """
        logits, mask = output.ssc_logits, batch.weight[:, None]
        if self.experiment.losses.alignment == 'fixed' or output.augmentation is None:
            return logits * mask
        return output.augmentation.apply(logits) * mask

    def discriminator_loss(self, fake: Tensor, batch: AmmnetBatch) -> Tensor:
        """Return the sum of the judgements of the truth, its perturbations and the prediction."""
        losses, num_classes = self.experiment.losses, self.experiment.network.num_classes
        exact = losses.perturbation == 'official'
        truth = visible_truth(batch.labels, batch.weight)
        real = one_hot_volume(truth, num_classes)
        terms = [judged(self._judge(real), real=True)]
        if 'shuffle' in losses.fakes:
            shuffled = shuffle(truth, num_classes, losses.share_range, exact=exact)
            terms.append(judged(self._judge(one_hot_volume(shuffled, num_classes)), real=False))
        if 'erase' in losses.fakes:
            erased = erased_mask(batch.labels, losses.share_range, exact=exact)
            terms.append(judged(
                self._judge(erase(real, erased, to=losses.erase_to)), real=False))
        terms.append(judged(self._judge(fake), real=False))
        return torch.stack(terms).sum()

    def _judge(self, volume: Tensor) -> Tensor:
        """Return the discriminator's logits."""
        assert self.discriminator is not None
        verdict: Tensor = self.discriminator(volume)
        return verdict

    def _step(self, index: int, own: nn.Module, other: nn.Module | None) -> Tensor:
        """Clip, step and clear one of the two optimizers; return the gradient's norm."""
        options = self.experiment.optimization
        norm = clip_gradients(own, options.gradient_clip)
        optimizer = self._optimizer(index)
        if index == 0:
            # The wrapped step is the one that the trainer counts.
            wrapped = self.optimizers()
            (wrapped[0] if isinstance(wrapped, list) else wrapped).step()
        else:
            optimizer.step()
        if other is not None and options.weight_decay_mode == 'official_double':
            decay_weights(other, optimizer.param_groups[0]['lr'] * options.weight_decay)
        optimizer.zero_grad()
        return norm

    def _optimizer(self, index: int) -> torch.optim.Optimizer:
        return self.trainer.optimizers[index]

    def _set_learning_rate(self) -> None:
        """Set the rate of the network; that of the discriminator is constant."""
        options = self.experiment.optimization
        progress = share_done(self.global_step, self.total_steps, options)
        rate = options.learning_rate * learning_rate_factor(progress, options)
        for group in self._optimizer(0).param_groups:
            group['lr'] = rate

    def configure_optimizers(self) -> Any:
        """Return AdamW of the network and, where there is one, of the discriminator."""
        options = self.experiment.optimization
        rates = [(self.network, options.learning_rate)]
        if self.discriminator is not None:
            rates.append((self.discriminator, options.discriminator_learning_rate))
        return [torch.optim.AdamW(decay_groups(module, options.weight_decay), lr=rate)
                for module, rate in rates]

    def on_validation_epoch_start(self) -> None:
        """Start counting anew."""
        self.counts.reset()

    def validation_step(self, batch: AmmnetBatch, batch_idx: int) -> None:
        """Count the voxels of a batch."""
        self.counts.update(self(batch).ssc_logits, batch)

    def on_validation_epoch_end(self) -> None:
        """Log exact scores over all processes, and those of the batches trained on meanwhile."""
        for part, counts in (('val', self.counts), ('train', self.train_counts)):
            scores = counts.scores(self.all_gather, self.device).as_dict(self.label_space.names)
            log_scores(self, scores, part, classes=part == 'val')
        self.train_counts.reset()
