"""What an IMENet experiment learns from, with which losses and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssc_ros.errors import ConfigurationError
from training.options.common import OptimizationOptions, PackageData, RunOptions, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ImenetData(PackageData):
    """
    Frames with labels of pixels and voxels.

    What a frame must hold follows from the networks: ``sscnet`` reads a TSDF of 240x144x240
    cells, which takes measured depth (`Depth/` of a converted release, rooms);
    ``sketch`` and ``small`` read the volumes of every package. The voxel of each pixel follows
    from measured depth too, else from the package's mapping and camera poses.

    Attributes:
        reader: `nyu`: NYUv2 or NYUCAD; `rooms`: synthetic rooms, of which `root` is the folder.
        gt2d: labels of pixels: annotated images (`nyu2d`), or the labels of the voxels that
            pixels show (`projected`); which one the paper took is open.
        batch_size: per device, of all stages but the first.
        image_batch_size: of the stage that trains the image network alone.
        augments_images: crop, mirror and recolour in that stage; later ones only recolour, for
            the volumes would not follow.
        workers: loader processes; 0 loads in the training process.
        cache: keep frames in the `host`'s memory once they were read, or not (`none`).
    """

    reader: Literal['nyu', 'rooms'] = 'nyu'
    cad_weights: Literal['official', 'own'] = 'own'
    gt2d: Literal['nyu2d', 'projected'] = 'nyu2d'
    batch_size: int = 4
    image_batch_size: int = 8
    augments_images: bool = True
    workers: int = 0
    cache: Literal['host', 'none'] = 'host'


@dataclass(frozen=True, slots=True, kw_only=True)
class ImenetLosses:
    """
    What is learned from; the defaults are the literal reading of the paper.

    Attributes:
        mask3d: voxels that count: `nonfree`: surface and hidden ones, the empty among them;
            `occupied_only`: labelled 1 to 11, so that nothing is ever called empty;
            `sscnet_balanced`: occupied ones and twice as many hidden empty ones, drawn at random.
        class_weights_2d: of pixels, unlabelled first; None weighs the 11 classes alike.
        auxiliary: weight of the same losses on the scores before refinement; 0 = none.
        sketch, sketch_raw, sketch_prior, sketch_divergence: of 3D-Sketch, as it was released.
    """

    mask3d: Literal['nonfree', 'occupied_only', 'sscnet_balanced'] = 'nonfree'
    class_weights_2d: tuple[float, ...] | None = None
    auxiliary: float = 0.0
    sketch: float = 1.0
    sketch_raw: float = 1.0
    sketch_prior: float = 1.5
    sketch_divergence: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImenetOptimization(OptimizationOptions):
    """
    How the weights are found; the paper gives rate, momentum, decay and batch, we the rest.

    Training goes in stages: both networks alone, then rounds. A round trains the voxel branch
    with fixed labels of pixels, and then the image branch with fixed labels of voxels. Each stage
    begins with a fresh optimizer and schedule.

    Attributes:
        steps: of the whole run; shortens or lengthens all stages alike. None takes the epochs.
        mode: `rounds`, or `unrolled`: after both networks alone, each batch trains both branches
            once per iteration, with labels just predicted.
        rounds: how many, or how many iterations of an unrolled batch; None takes those of the
            network's loop.
        image_epochs, voxel_epochs: of the networks alone.
        round_image_epochs, round_voxel_epochs: of the two parts of a round.
        voxel_learning_rate, voxel_weight_decay: of the voxel network alone; None takes the common
            ones.
        optimizer: `sgd` with momentum, as published, or `adamw`.
        crossfit: also train two copies on half of the frames each, so that no network is shown
            labels that the other one learned by heart: each copy labels the other half.
        encoder_weights: pretrained weights of the image network's encoder: a file, or `package`.
        sketch_encoder_weights: the same of the encoder inside 3D-Sketch.
        starts_from: checkpoint whose networks are taken in the place of training them alone.
    """

    epochs: int = 0
    learning_rate: float = 5e-3
    weight_decay: float = 1e-4
    schedule: Schedule = 'poly'
    gradient_clip: float = 10.0
    mode: Literal['rounds', 'unrolled'] = 'rounds'
    rounds: int | None = None
    image_epochs: int = 120
    voxel_epochs: int = 150
    round_image_epochs: int = 20
    round_voxel_epochs: int = 30
    voxel_learning_rate: float | None = None
    voxel_weight_decay: float | None = None
    momentum: float = 0.9
    optimizer: Literal['sgd', 'adamw'] = 'sgd'
    crossfit: bool = False
    encoder_weights: str | None = None
    sketch_encoder_weights: str | None = None
    starts_from: str | None = None

    def __post_init__(self) -> None:
        if self.crossfit and self.mode == 'unrolled':
            raise ConfigurationError(
                'optimization.crossfit labels frames between rounds, an unrolled batch has none: '
                'set mode to rounds')
        if self.crossfit and self.starts_from:
            raise ConfigurationError(
                'optimization.starts_from gives networks that saw all frames, crossfit needs '
                'copies that saw half of them: choose one')
        if self.average_decay is not None or self.accumulate_batches != 1 or self.epochs:
            raise ConfigurationError(
                'stages have lengths of their own, and no averaged weights or accumulated '
                'batches: leave epochs, average_decay and accumulate_batches away')


@dataclass(frozen=True, slots=True, kw_only=True)
class ImenetRun(RunOptions):
    """Where and how long it runs."""
