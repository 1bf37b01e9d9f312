"""
S4R: self-supervised semantic scene reconstruction (Huang et al., 2023), and its supervised twin.

The paper leaves open optimiser, lengths, where virtual views stand and how the loss of distances
is weighted; our choices are the defaults of `training.options.s4r`. Losses are averaged over the
chunks of a batch. Deliberate difference: hues are not augmented, as segmenters would misread them.
"""

from __future__ import annotations

from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import load_label_space
from ssc_ros.metrics import ReconstructionCounts, SurfaceTruth
from ssc_ros.models.s4r.color import lab_to_rgb, rgb_to_lab
from ssc_ros.models.s4r.inputs import TRUNCATION_VOXELS, S4rOutput, surface_band
from ssc_ros.models.s4r.network import S4rNetwork
from ssc_ros.models.s4r.rendering import Rendering, raycast
from ssc_ros.models.s4r.rendering_config import SPSG_RENDERING, RenderingConfig
from training.datasets.chunks.batches import ChunkBatch
from training.experiment import parse_experiment
from training.losses.s4r import ViewTarget, label_loss, surface_pixels, view_losses
from training.losses.s4r_volume import (
    class_weights,
    distance_loss,
    occupancy_loss,
    volume_target,
    voxel_color_loss,
    voxel_label_loss,
)
from training.systems.logs import log_losses, log_scores
from training.systems.reconstruction_scores import over_all_processes, scores_of
from training.systems.s4r_border import moved_by, with_border
from training.systems.s4r_virtual import VirtualViews
from training.systems.schedules import scheduled
from training.systems.seeding import seed_step

RENDERINGS = {'s4r': RenderingConfig(), 'spsg': SPSG_RENDERING}

Values = dict[str, Tensor]


class S4rSystem(lightning.LightningModule):
    """
    Trains and validates an S4R network.

    A network without geometry decoder is shown what its input measured.

    Args:
        experiment: nested plain values of an `Experiment`, kept in every checkpoint.
        total_steps: of the whole run; schedules follow the share done.
    """

    def __init__(self, experiment: dict[str, Any], total_steps: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.experiment = parse_experiment(experiment)
        self.total_steps = total_steps
        config, losses = self.experiment.network, self.experiment.losses
        # Layers run a third faster on a CPU with the channels innermost.
        self.network = S4rNetwork(config)
        self.network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.names = load_label_space(config.label_space).names
        self.counts = ReconstructionCounts(config.num_classes)
        if losses.class_weights and len(losses.class_weights) != config.num_classes:
            raise ConfigurationError(f'{len(losses.class_weights)} class weights for '
                                     f'{config.num_classes} classes')
        self.voxel_weights: Tensor
        self.register_buffer('voxel_weights', torch.tensor(
            losses.class_weights or [1.0] * config.num_classes), persistent=False)
        self._virtual = self._virtual_views()

    def forward(self, volume: Tensor) -> S4rOutput:
        """Run the network."""
        output: S4rOutput = self.network(
            volume.contiguous(memory_format=torch.channels_last_3d))
        return output

    def on_fit_start(self) -> None:
        """Count the classes that the supervised twin weighs."""
        losses = self.experiment.losses
        if losses.supervision == 'voxels' and losses.class_weights is None:
            data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
            self.voxel_weights.copy_(class_weights(data.class_frequencies()))

    # -- steps ---------------------------------------------------------------------------------

    def training_step(self, batch: ChunkBatch, batch_idx: int) -> Tensor:
        """Return the weighted sum of the losses."""
        seed_step(self.experiment.run.seed, self.global_step, self.global_rank)
        output = self(batch.inputs)
        with torch.autocast(self.device.type, enabled=False):
            values = self.loss_values(output.float(), batch, self.global_step)
        losses = self.experiment.losses
        terms = {name: (getattr(losses, name), value) for name, value in values.items()}
        return log_losses(self, terms, len(batch.inputs))

    def loss_values(self, output: S4rOutput, batch: ChunkBatch, step: int) -> Values:
        """Return every loss of a step by the name of its weight."""
        options = self.experiment.optimization
        values = self.volume_values(output, batch)
        if self.experiment.losses.supervision == 'voxels':
            return values | self.supervised_values(output, batch)
        share = step / self.total_steps
        if share >= options.views_from:
            values |= self.view_values(output, batch)
        if self._virtual is not None and share >= options.virtual_from:
            values |= self.virtual_values(output, batch, self._generator(step))
        return values

    def volume_values(self, output: S4rOutput, batch: ChunkBatch) -> Values:
        """Return the losses of distances and occupancy."""
        if output.tsdf_voxels is None:
            return {}
        occupancy = output.occupancy_logits
        target = volume_target(
            batch.complete, batch.incomplete, batch.known, self.experiment.losses,
            None if occupancy is None else occupancy[:, 0])
        values = {'distance': distance_loss(output.tsdf_voxels[:, 0], target).mean()}
        if occupancy is not None:
            values['occupancy'] = occupancy_loss(occupancy[:, 0], target).mean()
        return values

    def supervised_values(self, output: S4rOutput, batch: ChunkBatch) -> Values:
        """Return what voxels with true classes and colours teach."""
        values = {}
        if output.class_logits is not None:
            values['voxel_labels'] = voxel_label_loss(
                output.class_logits, batch.labels, batch.complete, self.voxel_weights)
        if output.colors is not None:
            values['voxel_colors'] = voxel_color_loss(
                output.colors, self._colors(batch.colors), batch.complete).mean()
        return values

    def view_values(self, output: S4rOutput, batch: ChunkBatch) -> Values:
        """Return Eq. 1 to 3: what real views of the chunks teach."""
        samples, views = batch.has_view.nonzero(as_tuple=True)
        if not len(samples):
            return {}
        here = samples, views
        shown, distances = self._render(
            output, batch, samples, batch.T_grid_camera[here], batch.intrinsics[here])
        target = ViewTarget(batch.depth_m[here], self._colors(batch.images[here]),
                            batch.image_labels[here])
        losses = self.experiment.losses
        pixels = surface_pixels(shown, distances, losses, target.depth_m)
        colors, logits = self._split(output, shown)
        values = view_losses(shown, target, pixels, losses, colors=colors, logits=logits)
        if output.tsdf_voxels is None:
            del values['depth']
        return {name: value.sum() / len(batch.inputs) for name, value in values.items()}

    def virtual_values(
        self, output: S4rOutput, batch: ChunkBatch, rng: np.random.Generator,
    ) -> Values:
        """Return Eq. 4: classes agree with what a segmenter sees in rendered colours."""
        assert self._virtual is not None
        assert output.class_logits is not None
        distances, valid = self._geometry(output, batch)
        chosen = self._virtual.choose(
            distances, valid, output.class_logits.argmax(dim=1), batch, rng)
        if chosen is None:
            return {}
        shown, distances = self._render(output, batch, *chosen)
        colors, logits = self._split(output, shown)
        assert colors is not None
        assert logits is not None
        is_lab = self.experiment.network.color_space == 'lab'
        labels = self._virtual.labels_of(lab_to_rgb(colors) if is_lab else colors, shown.hit)
        losses = self.experiment.losses
        value = label_loss(logits, labels, surface_pixels(shown, distances, losses), losses)
        return {'virtual_labels': value.sum() / len(batch.inputs)}

    # -- views ---------------------------------------------------------------------------------

    def _virtual_views(self) -> VirtualViews | None:
        """Return the source of virtual views, None where colours or classes are not rendered."""
        network, data = self.experiment.network, self.experiment.data
        shows = {'color', 'semantics'} <= set(network.decoders)
        if self.experiment.losses.supervision == 'voxels' or not (shows and data.virtual_views):
            return None
        return VirtualViews(network.label_space, network.voxel_size_m, data)

    def _render(
        self, output: S4rOutput, batch: ChunkBatch, samples: Tensor, T_grid_camera: Tensor,
        intrinsics: Tensor,
    ) -> tuple[Rendering, Tensor]:
        """Render views of some chunks; also return the (N, Z, Y, X) distances that they show."""
        losses = self.experiment.losses
        features = torch.cat([part for part in (output.colors, output.class_logits)
                              if part is not None], dim=1)
        shown = with_border(
            *self._geometry(output, batch), features, losses.border_voxels)
        distances, valid, features = (part[samples] for part in shown)
        rendering = raycast(
            distances, valid, features, intrinsics=intrinsics,
            T_grid_camera=moved_by(T_grid_camera, losses.border_voxels),
            size=self.experiment.data.view_size, config=RENDERINGS[losses.rendering])
        return rendering, distances

    @staticmethod
    def _geometry(output: S4rOutput, batch: ChunkBatch) -> tuple[Tensor, Tensor]:
        """Return distances and where they are some: predicted, else those of the input."""
        if output.tsdf_voxels is None:
            distances = batch.inputs[:, 0]
            return distances, distances.abs() < TRUNCATION_VOXELS
        return output.tsdf_voxels[:, 0], surface_band(output)[:, 0]

    @staticmethod
    def _split(output: S4rOutput, shown: Rendering) -> tuple[Tensor | None, Tensor | None]:
        """Return the rendered colours and logits, None of what is not predicted."""
        count = 0 if output.colors is None else output.colors.shape[1]
        colors, logits = shown.features[:, :count], shown.features[:, count:]
        return (colors if count else None), (logits if output.class_logits is not None else None)

    def _colors(self, rgb: Tensor) -> Tensor:
        """Return (B, 3, ...) uint8 sRGB in the colour space of the network, in [0, 1]."""
        values = rgb.float() / 255
        return rgb_to_lab(values) if self.experiment.network.color_space == 'lab' else values

    def _generator(self, step: int) -> np.random.Generator:
        return np.random.default_rng([self.experiment.run.seed, step, self.global_rank])

    # -- the rest ------------------------------------------------------------------------------

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Clip the gradient's norm and log what it was."""
        norm = nn.utils.clip_grad_norm_(
            self.parameters(), self.experiment.optimization.gradient_clip)
        self.log('train/gradient_norm', norm)

    def configure_optimizers(self) -> Any:
        """Return Adam and a schedule over the steps."""
        options = self.experiment.optimization
        optimizer = torch.optim.Adam(
            self.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
        return scheduled(optimizer, self.total_steps, options)

    def on_validation_epoch_start(self) -> None:
        """Start counting anew."""
        self.counts = ReconstructionCounts(self.experiment.network.num_classes)

    def validation_step(self, batch: ChunkBatch, batch_idx: int) -> None:
        """Count each chunk as a scene."""
        output = self(batch.inputs).float()
        distances, valid = self._geometry(output, batch)
        predicted = distances.where(valid, TRUNCATION_VOXELS).cpu()
        labels = None if output.class_logits is None else output.class_logits.argmax(dim=1).cpu()
        for sample, chunk in enumerate(batch.chunk.tolist()):
            truth = SurfaceTruth(*(part[sample].cpu() for part in (
                batch.complete, batch.known, batch.labels)))
            self.counts.add(
                chunk, predicted[sample], None if labels is None else labels[sample], truth)

    def on_validation_epoch_end(self) -> None:
        """Log exact scores over all processes."""
        log_scores(self, scores_of(over_all_processes(self.counts), self.names))
