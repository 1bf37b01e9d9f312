"""
IMENet: iterative mutual enhancement of two branches (Li, Ding and Huang, IJCAI 2021).

The paper leaves open what an iteration of training is, how long it takes and which rate it has;
our choices are the defaults of `training.options.imenet`. Deliberate differences, all switchable:
preset `robust` has losses on the coarse scores, and crossfit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import load_label_space
from ssc_ros.models.imenet.inputs import ImenetInputs, ImenetOutput
from ssc_ros.models.imenet.loop import pick_pixels, pick_voxels
from ssc_ros.models.imenet.network import ImenetNetwork
from training.datasets.joint.batches import JointBatch
from training.experiment import parse_experiment
from training.losses.completion import class_cross_entropy
from training.losses.imenet import pixel_cross_entropy, sketch_losses, voxel_targets
from training.systems.counting import PixelCounts, RegionCounts
from training.systems.imenet_labels import FixedLabels, collect, label_pixels, label_voxels
from training.systems.layout import use_channels_last
from training.systems.logs import log_scores
from training.systems.optimizers import clip_gradients, decay_groups
from training.systems.pretrained import load_branches
from training.systems.schedules import learning_rate_factor
from training.systems.seeding import seed_step
from training.systems.stages import (
    HALVES,
    WHOLE,
    Stage,
    half_of,
    plan_stages,
    rounds_done,
    stage_at,
)

LABELS_FOLDER = 'labels'
ROUND_FILE = 'round-{}.ckpt'

Terms = dict[str, tuple[float, Tensor]]


class ImenetSystem(lightning.LightningModule):
    """
    Trains and validates an IMENet network, one branch at a time.

    Before the turn of a branch all that the other one says of the training frames is written to
    the folder of the run; while it lasts, the other branch is frozen. After each round a
    checkpoint `round-<t>.ckpt` is kept.

    Args:
        experiment: nested plain values of an `Experiment`, kept in every checkpoint.
        total_steps: of the whole run; its stages share them.

    Attributes:
        network: what is trained, tested and shipped.
        halves: copies that learn from half of the frames each; only with crossfit.
    """

    def __init__(self, experiment: dict[str, Any], total_steps: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.save_hyperparameters()
        self.experiment = parse_experiment(experiment)
        self.stages = plan_stages(self.experiment, total_steps)
        config, losses = self.experiment.network, self.experiment.losses
        weights = losses.class_weights_2d
        if weights and len(weights) != config.num_classes:
            raise ConfigurationError(f'{len(weights)} class weights for {config.num_classes} '
                                     'classes, unlabelled among them')
        self.network = ImenetNetwork(config)
        self.halves = nn.ModuleList(
            deepcopy(self.network) for _ in HALVES if self.experiment.optimization.crossfit)
        if self.experiment.optimization.channels_last:
            use_channels_last(self)
        self._is_learned = {name for name, each in self.named_parameters() if each.requires_grad}
        self.class_weights: Tensor | None
        self.register_buffer(
            'class_weights', torch.tensor(weights) if weights else None, persistent=False)
        self.label_space = load_label_space(config.label_space)
        self.counts = RegionCounts(config.num_classes)
        self.pixel_counts = PixelCounts(config.num_classes - 1)
        # Of every group of stages that has begun: what the other branch says.
        self._labels: dict[int, FixedLabels] = {}
        self._group = -1

    def forward(self, inputs: ImenetInputs, iterations: int | None = None) -> ImenetOutput:
        """Run the network."""
        output: ImenetOutput = self.network(inputs, iterations)
        return output

    # -- stages --------------------------------------------------------------------------------

    def member(self, number: int) -> ImenetNetwork:
        """Return the network, or one of its copies."""
        network: Any = self.network if number == WHOLE else self.halves[number - 1]
        return network

    def on_train_start(self) -> None:
        """Take the weights that a new run begins with."""
        if self.global_step:
            return
        start = self.experiment.optimization.starts_from
        if start:
            load_branches(self.network, Path(start))
        for half in self.halves:
            half.load_state_dict(self.network.state_dict())

    def on_train_batch_start(self, batch: JointBatch, batch_idx: int) -> None:
        """Freeze what does not learn in this stage, and prepare it where it begins."""
        stage = stage_at(self.stages, self.global_step)
        if self.global_step == stage.start:
            for optimizer in self.trainer.optimizers:
                optimizer.state.clear()
        if stage.group != self._group:
            self._begin(stage)
            self._group = stage.group
        self.freeze_all_but(stage)

    def freeze_all_but(self, stage: Stage) -> None:
        """Let the branches of a stage learn; all others keep weights and batch statistics."""
        self.eval()
        self.requires_grad_(False)
        for module in self.learning_modules(stage):
            module.train()
            module.requires_grad_(True)
        for name, parameter in self.named_parameters():
            if name not in self._is_learned:
                parameter.requires_grad_(False)

    def learning_modules(self, stage: Stage) -> list[nn.Module]:
        """Return the modules that learn in a stage."""
        network = self.member(stage.member)
        branches: dict[str, list[nn.Module | None]] = {
            '2d': [network.image, network.refine2d], '3d': [network.voxel, network.refine3d]}
        branches['both'] = branches['2d'] + branches['3d']
        modules = branches[stage.branch][:1 if stage.is_alone else None]
        return [module for module in modules if module is not None]

    def _begin(self, stage: Stage) -> None:
        """Have the other branch label the training frames, or read what it has said before."""
        if not self._reads_labels(stage):
            return
        first = min(each.start for each in self.stages if each.group == stage.group)
        if self.global_step > first:
            for group in (stage.group - 1, stage.group):
                if group not in self._labels and (
                        group == stage.group or self._labels_file(group).is_file()):
                    self._labels[group] = FixedLabels.load(self._labels_file(group))
            return
        if stage.group - 1 not in self._labels and self._labels_file(stage.group - 1).is_file():
            self._labels[stage.group - 1] = FixedLabels.load(self._labels_file(stage.group - 1))
        if self.trainer.is_global_zero:
            self._collect(stage).save(self._labels_file(stage.group))
        self.trainer.strategy.barrier()
        self._labels = {group: self._labels[group] for group in self._labels
                        if group == stage.group - 1}
        self._labels[stage.group] = FixedLabels.load(self._labels_file(stage.group))

    def _reads_labels(self, stage: Stage) -> bool:
        network = self.network
        if stage.is_alone or stage.branch == 'both':
            return False
        if stage.branch == '3d':
            return network.refine3d is not None and network.image is not None
        return network.refine2d is not None and network.voxel is not None

    def _labels_file(self, group: int) -> Path:
        return self.experiment.folder / LABELS_FOLDER / f'group-{group:02d}.npz'

    def _collect(self, stage: Stage) -> FixedLabels:
        """Label all training frames with the branch that does not learn."""
        return collect(self._predicted(stage))

    def _predicted(self, stage: Stage) -> Iterator[tuple[JointBatch, Tensor]]:
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        refined_with = self._labels.get(stage.group - 1)
        self.eval()
        # Two by two: copies split frames by tens, and torch is slow with single small volumes.
        for batch in data.loader('train', range(data.num_train), 2):
            batch = batch.to(self.device)
            network = self._labeller(int(batch.frame[0]))
            labels = None if refined_with is None else refined_with.of(batch.frame)
            with self.trainer.precision_plugin.forward_context():
                label = label_pixels if stage.branch == '3d' else label_voxels
                yield batch, label(network, batch.inputs, labels)

    def _labeller(self, frame: int) -> ImenetNetwork:
        """Return the network that labels a frame: with crossfit, one that never saw it."""
        if not self.halves:
            return self.network
        first, second = HALVES
        return self.member(second if half_of(frame) == first else first)

    # -- steps ---------------------------------------------------------------------------------

    def training_step(self, batch: JointBatch, batch_idx: int) -> None:
        """Take a step of the branch whose turn it is, or all steps of an unrolled batch."""
        step = self.global_step
        seed_step(self.experiment.run.seed, step, self.global_rank)
        stage = stage_at(self.stages, step)
        if stage.branch == 'both':
            self._unrolled_steps(stage, batch)
        elif stage.branch == '2d':
            self._learn(stage, '2d', self.image_terms(stage, batch, self._fixed(stage, batch))[0])
        else:
            self._learn(stage, '3d', self.voxel_terms(stage, batch, self._fixed(stage, batch))[0])

    def _fixed(self, stage: Stage, batch: JointBatch) -> Tensor | None:
        """Return the labels of the other branch, None where none are read."""
        if stage.is_alone:
            return None
        if stage.group in self._labels:
            return self._labels[stage.group].of(batch.frame)
        inputs = batch.inputs
        return inputs.pixel_labels if stage.branch == '3d' else inputs.voxel_labels

    def _unrolled_steps(self, stage: Stage, batch: JointBatch) -> None:
        """Let each branch learn from the other's newest labels, once per iteration."""
        network, inputs = self.member(stage.member), batch.inputs
        with torch.no_grad():
            coarse = network.coarse2d(inputs)
        labels2d = inputs.pixel_labels if coarse is None else pick_pixels(coarse)
        labels3d = inputs.voxel_labels
        for left in reversed(range(stage.round)):
            if network.voxel is not None:
                terms, scores = self.voxel_terms(stage, batch, labels2d)
                self._learn(stage, '3d', terms, counts=not left and network.image is None)
                labels3d = pick_voxels(scores.detach(), inputs.nonfree)
            if network.image is not None:
                terms, scores = self.image_terms(stage, batch, labels3d)
                self._learn(stage, '2d', terms, counts=not left)
                labels2d = pick_pixels(scores.detach())

    def voxel_terms(
        self, stage: Stage, batch: JointBatch, labels2d: Tensor | None,
    ) -> tuple[Terms, Tensor]:
        """
        Return (weight, value) of the losses of voxels, and their scores.

        Args:
            labels2d: (B, h, w) that scores are refined with; None leaves them as they are.
        """
        losses, network = self.experiment.losses, self.member(stage.member)
        coarse, sketches = network.coarse3d(batch.inputs)
        assert coarse is not None
        refined = coarse
        if not stage.is_alone and labels2d is not None:
            refined = network.step3d(coarse, labels2d, batch.inputs)
        with torch.autocast(self.device.type, enabled=False):
            target = voxel_targets(batch.labels3d, batch.weight, losses.mask3d)
            terms: Terms = {'voxels': (1.0, class_cross_entropy(refined, target))}
            if losses.auxiliary and refined is not coarse:
                terms['coarse_voxels'] = (
                    losses.auxiliary, class_cross_entropy(coarse, target))
            if sketches is not None and batch.inputs.sketch is not None:
                values = sketch_losses(sketches, batch.inputs.sketch, batch.weight)
                terms |= {name: (getattr(losses, name), value) for name, value in values.items()}
        return terms, refined

    def image_terms(
        self, stage: Stage, batch: JointBatch, labels3d: Tensor | None,
    ) -> tuple[Terms, Tensor]:
        """
        Return (weight, value) of the losses of pixels, and their scores.

        Args:
            labels3d: (B, X, Y, Z) that scores are refined with; None leaves them as they are.
        """
        losses, network = self.experiment.losses, self.member(stage.member)
        coarse = network.coarse2d(batch.inputs)
        assert coarse is not None
        refined = coarse
        if not stage.is_alone and labels3d is not None:
            refined = network.step2d(coarse, labels3d, batch.inputs)
        with torch.autocast(self.device.type, enabled=False):
            labels, weights = batch.labels2d, self.class_weights
            terms: Terms = {'pixels': (1.0, pixel_cross_entropy(refined, labels, weights))}
            if losses.auxiliary and refined is not coarse:
                terms['coarse_pixels'] = (
                    losses.auxiliary, pixel_cross_entropy(coarse, labels, weights))
        return terms, refined

    def _learn(
        self, stage: Stage, branch: Literal['2d', '3d'], terms: Terms, *, counts: bool = True,
    ) -> None:
        """Take one step of a branch; `counts` makes it one of the trainer's."""
        total = torch.stack([weight * value for weight, value in terms.values()]).sum()
        self.manual_backward(total)
        self._finish_step(stage, branch, counts=counts)
        self.log_dict({f'train/{name}': value.detach() for name, (_, value) in terms.items()})
        self.log_dict({'train/round': float(stage.round), 'train/member': float(stage.member)})
        self.log('train/total', total.detach(), prog_bar=True)

    def _finish_step(self, stage: Stage, branch: str, *, counts: bool) -> None:
        options = self.experiment.optimization
        index = self._optimizers.index((stage.member, branch))
        optimizer = self.trainer.optimizers[index]
        share = (self.global_step - stage.start) / stage.steps
        rate, decay = self._rate_and_decay(stage)
        for group in optimizer.param_groups:
            group['lr'] = rate * learning_rate_factor(share, options)
            group['weight_decay'] = decay if group['weight_decay'] else 0.0
        network = self.member(stage.member)
        self.log('train/gradient_norm', clip_gradients(network, options.gradient_clip))
        self.log('train/learning_rate', optimizer.param_groups[0]['lr'])
        if counts:
            # The wrapped step is one that the trainer counts.
            wrapped = self.optimizers()
            (wrapped[index] if isinstance(wrapped, Sequence) else wrapped).step()
        else:
            optimizer.step()
        optimizer.zero_grad()

    def _rate_and_decay(self, stage: Stage) -> tuple[float, float]:
        options = self.experiment.optimization
        rate, decay = options.learning_rate, options.weight_decay
        if stage.is_alone and stage.branch == '3d':
            rate = options.voxel_learning_rate or rate
            decay = options.voxel_weight_decay or decay
        return rate, decay

    def on_train_batch_end(self, *_: Any) -> None:
        """Keep the weights at the end of every round."""
        step = self.global_step
        done = rounds_done(self.stages, step)
        ends = [stage.stop for stage in self.stages if stage.round == done]
        if ends and step == max(ends):
            self.trainer.save_checkpoint(
                self.experiment.folder / ROUND_FILE.format(done), weights_only=True)

    @property
    def _optimizers(self) -> list[tuple[int, str]]:
        """Return whose weights each optimizer finds: copy and branch."""
        network = self.network
        branches = [branch for branch, module in (('2d', network.image), ('3d', network.voxel))
                    if module is not None]
        return [(member, branch) for member in (WHOLE, *HALVES[:len(self.halves)])
                for branch in branches]

    def configure_optimizers(self) -> Any:
        """Return an optimizer for each branch of each copy."""
        options = self.experiment.optimization
        optimizers: list[torch.optim.Optimizer] = []
        for member, branch in self._optimizers:
            modules = nn.ModuleList(self.learning_modules(Stage(
                '2d' if branch == '2d' else '3d', 1, 0, member, 1)))
            groups = decay_groups(modules, options.weight_decay)
            optimizers.append(
                torch.optim.AdamW(groups, lr=options.learning_rate) if (
                    options.optimizer == 'adamw') else
                torch.optim.SGD(groups, lr=options.learning_rate, momentum=options.momentum))
        return optimizers

    # -- validation ----------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        """Start counting anew."""
        self.counts.reset()
        self.pixel_counts.reset()

    def validation_step(self, batch: JointBatch, batch_idx: int) -> None:
        """Count voxels and pixels after as many iterations as there were rounds."""
        iterations = min(rounds_done(self.stages, self.global_step),
                         self.experiment.network.iterations)
        last = self(batch.inputs, iterations).final
        if last.f3d is not None:
            self.counts.count(
                last.f3d.argmax(dim=1), batch.labels3d, batch.weight, batch.is_surface)
        if last.f2d is not None:
            self.pixel_counts.count(last.labels2d, batch.labels2d)

    def on_validation_epoch_end(self) -> None:
        """Log exact scores over all processes, of the branches that there are."""
        names = self.label_space.names
        if self.network.voxel is not None:
            log_scores(self, self.counts.scores(self.all_gather, self.device).as_dict(names))
        if self.network.image is not None:
            scores = self.pixel_counts.scores(self.all_gather, self.device).as_dict(names[1:])
            log_scores(self, scores, classes=False)
