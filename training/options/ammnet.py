"""What an AMMNet experiment learns from, with which losses and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssc_ros.errors import ConfigurationError
from training.options.common import OptimizationOptions, PackageData, RunOptions, Schedule

FAKES = ('shuffle', 'erase')


@dataclass(frozen=True, slots=True, kw_only=True)
class AmmnetData(PackageData):
    """
    Frames of NYUv2 and their augmentation; the defaults are the official ones (total batch 4).

    Attributes:
        batch_size: per device and pass; see `optimization.accumulate_batches`.
        workers: loader processes; 0 loads in the training process, as frames on a GPU must be.
        cache: where all frames are kept: `device`; `host`; or `none`: read again each time, with
            little memory. A frame takes 1.3 MB with a label map, 2.0 MB with colours.
        tsdf_precision: of kept frames; float16 rounds by 2.5e-4 at most.
        augments_images: resize by 0.8 to 1.2, crop, mirror and recolour; the mapping follows,
            the volumes stay.
        photometric: colour changes: `none`; `uint8`, in 8-bit HSV; `official`, where some of
            them fall on float images and so turn a fifth of all images grey.
    """

    reader: Literal['nyu'] = 'nyu'
    batch_size: int = 4
    workers: int = 0
    cache: Literal['device', 'host', 'none'] = 'device'
    tsdf_precision: Literal['float16', 'float32'] = 'float16'
    augments_images: bool = True
    photometric: Literal['uint8', 'official', 'none'] = 'uint8'


@dataclass(frozen=True, slots=True, kw_only=True)
class AmmnetLosses:
    """
    Weights of the loss terms and the adversary; the defaults are those of the official code.

    Attributes:
        completion, image: weight of the cross-entropy of voxels and of pixels.
        label_smoothing: of both.
        class_weights: of both; None, as published, weighs all classes alike.
        adversarial: weight of the generator's adversarial term; 0 trains without discriminator.
        fakes: perturbed truths that the discriminator learns to reject: shuffle, erase.
        perturbation: `official`: an exact number of voxels is erased, and a shuffled class turns
            into one other; `paper`: each voxel by chance, into any other class.
        share_range: which share of voxels is perturbed, drawn uniformly.
        erase_to: an erased voxel becomes a `zero` vector (official) or `empty` (paper).
        alignment: the prediction is masked in the decoder's augmented frame, where the mask does
            not belong (`official`), or in its own (`fixed`).
        discriminator_forward: the discriminator learns from predictions of their `own` forward
            pass (official), or shares the generator's and saves a quarter of the time.
    """

    completion: float = 1.0
    image: float = 0.25
    label_smoothing: float = 0.2
    class_weights: tuple[float, ...] | None = None
    adversarial: float = 0.005
    fakes: tuple[str, ...] = FAKES
    perturbation: Literal['official', 'paper'] = 'official'
    share_range: tuple[float, float] = (0.1, 0.9)
    erase_to: Literal['zero', 'empty'] = 'zero'
    alignment: Literal['official', 'fixed'] = 'official'
    discriminator_forward: Literal['own', 'shared'] = 'own'

    def __post_init__(self) -> None:
        if unknown := set(self.fakes) - set(FAKES):
            raise ConfigurationError(
                f'losses.fakes has {sorted(unknown)}: choose from {list(FAKES)}')


@dataclass(frozen=True, slots=True, kw_only=True)
class AmmnetOptimization(OptimizationOptions):
    """
    How the weights are found; the defaults are those of the official code.

    Attributes:
        schedule_interval: change the learning rate every `epoch` or every `step`.
        discriminator_learning_rate: constant.
        weight_decay_mode: `separate`, or `official_double`: each of the two optimizers also
            decays the other's weights, as the official code did with the PyTorch of its time.
        encoder_weights: file or folder of pretrained weights of the image encoder.
        checkpointing: compute activations again instead of keeping them: less memory, a third
            more time, the same result.
        compiles: run the network through torch.compile.
    """

    epochs: int = 150
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    schedule: Schedule = 'cosine'
    final_share: float = 1e-4
    gradient_clip: float = 10.0
    schedule_interval: Literal['epoch', 'step'] = 'epoch'
    discriminator_learning_rate: float = 1e-3
    weight_decay_mode: Literal['separate', 'official_double'] = 'separate'
    encoder_weights: str | None = None
    checkpointing: bool = False
    compiles: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AmmnetRun(RunOptions):
    """Where and how long it runs; the seed is the official one."""

    seed: int = 8332
