"""Train an experiment, or continue it where it was stopped."""

from __future__ import annotations

import logging
import math
import shutil
import warnings
from pathlib import Path

import lightning
import torch
import yaml
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
    ModelCheckpoint,
    Timer,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from training.experiment import Experiment
from training.runs import newest_checkpoint, read_checkpoint, refuse_other_network
from training.systems.pretrained import load_image_encoder, load_sketch_encoder
from training.systems.registry import best_scores, make_data, make_system, run_length
from training.systems.timing import StepTimer


def fit(experiment: Experiment, *, restart: bool = False) -> Path:
    """
    Train and return the run's folder.

    The newest intact checkpoint in it is continued; samples, augmentations and schedules follow
    from the step alone, so that a run that was killed gives the weights of one that was not.

    Args:
        restart: begin anew and delete what an earlier run left in the folder.
    """
    folder = experiment.folder
    if not restart:
        _refuse_other_run(experiment)
    _prepare_folder(experiment, restart=restart)
    if experiment.run.threads:
        torch.set_num_threads(experiment.run.threads)
    lightning.seed_everything(experiment.run.seed, verbose=False)
    data = make_data(experiment)
    total, between = planned_steps(experiment, data.num_train)
    system = make_system(experiment, _plain(experiment), total)
    resumed = newest_checkpoint(folder)
    encoder_weights = getattr(experiment.optimization, 'encoder_weights', None)
    if encoder_weights and not resumed:
        load_image_encoder(system.network, encoder_weights)
    sketch_weights = getattr(experiment.optimization, 'sketch_encoder_weights', None)
    if sketch_weights and not resumed:
        load_sketch_encoder(system.network, sketch_weights)
    rank_zero_print(
        f'{experiment.name}: {total} steps, {data.num_train} training and {data.num_val} '
        f'validation frames, files in {folder}'
        + (f', continuing {resumed.name}' if resumed else ''))
    with warnings.catch_warnings():
        _silence_known_warnings()
        trainer = make_trainer(experiment, total, between, resumed)
        trainer.fit(system, data, ckpt_path=resumed, weights_only=True)
        trainer.save_checkpoint(folder / f'step-{trainer.global_step}.ckpt', weights_only=False)
        if trainer.global_step < total:
            rank_zero_print(f'stopped after {trainer.global_step} of {total} steps; validating')
            trainer.validate(system, data, verbose=False)
    scores = {name: float(value) for name, value in trainer.callback_metrics.items()
              if name.startswith('val/')}
    rank_zero_print('\n'.join(f'{name} {value:.4f}' for name, value in sorted(scores.items())))
    return folder


def _refuse_other_run(experiment: Experiment) -> None:
    """Raise where the folder holds a run of another network."""
    resumed = newest_checkpoint(experiment.folder)
    if resumed:
        found, _, _ = read_checkpoint(resumed)
        refuse_other_network(experiment, found.network.to_dict(), str(resumed))


@rank_zero_only
def _prepare_folder(experiment: Experiment, *, restart: bool) -> None:
    """Make the run's folder and keep the experiment in it."""
    if restart:
        shutil.rmtree(experiment.folder, ignore_errors=True)
    experiment.folder.mkdir(parents=True, exist_ok=True)
    (experiment.folder / 'experiment.yaml').write_text(
        yaml.safe_dump(_plain(experiment), sort_keys=False), encoding='utf-8')


@rank_zero_only
def rank_zero_print(text: str) -> None:
    """Print once, however many processes train."""
    print(text)


def planned_steps(experiment: Experiment, train_frames: int) -> tuple[int, int]:
    """Return the steps of the run and those between validations, which divide them."""
    steps = run_length(experiment, train_frames)
    between = math.ceil(steps / experiment.run.validations)
    return between * math.ceil(steps / between), between


def make_trainer(
    experiment: Experiment, total: int, between: int, resumed: Path | None,
) -> lightning.Trainer:
    """Return the trainer of an experiment."""
    options, run, folder = experiment.optimization, experiment.run, experiment.folder
    start = int(resumed.stem.rpartition('-')[2]) if resumed else 0
    # What steps by hand takes all that it accumulates as one batch.
    steps_by_hand = experiment.system in ('ammnet', 'imenet')
    accumulated = 1 if steps_by_hand else options.accumulate_batches
    return lightning.Trainer(
        devices=run.devices, precision=options.precision, max_steps=total, max_epochs=-1,
        strategy='ddp_find_unused_parameters_true' if run.devices > 1 else 'auto',
        sync_batchnorm=run.devices > 1 and torch.cuda.is_available(),
        accumulate_grad_batches=accumulated, val_check_interval=between * accumulated,
        check_val_every_n_epoch=None, benchmark=True,
        num_sanity_val_steps=0, log_every_n_steps=run.log_every_steps,
        use_distributed_sampler=False, enable_model_summary=False, default_root_dir=folder,
        callbacks=_callbacks(experiment), logger=[
            # Each start writes a file of its own: the logger would delete an older one.
            CSVLogger(folder, name='csv', version=f'from_step_{start}',
                      flush_logs_every_n_steps=run.log_every_steps),
            TensorBoardLogger(folder, name='tensorboard', version='')])


def _callbacks(experiment: Experiment) -> list[Callback]:
    run, folder = experiment.run, experiment.folder
    callbacks: list[Callback] = [
        StepTimer(),
        TQDMProgressBar(refresh_rate=run.log_every_steps),
        ModelCheckpoint(folder, filename='step-{step}', auto_insert_metric_name=False,
                        every_n_train_steps=run.checkpoint_every_steps, save_top_k=1),
    ]
    for name in best_scores(experiment):
        callbacks.append(ModelCheckpoint(
            folder, filename=f'best_{name}', monitor=f'val/{name}', mode='max',
            enable_version_counter=False))
    if run.max_time:
        callbacks.append(Timer(run.max_time))
    if experiment.optimization.average_decay:
        callbacks.append(EMAWeightAveraging(decay=experiment.optimization.average_decay))
    return callbacks


def _plain(experiment: Experiment) -> dict[str, object]:
    """Return nested values without tuples, which safe YAML cannot express."""
    def listed(value: object) -> object:
        if isinstance(value, dict):
            return {key: listed(entry) for key, entry in value.items()}
        return list(value) if isinstance(value, tuple) else value
    return {key: listed(value) for key, value in experiment.to_dict().items()}


def _silence_known_warnings() -> None:
    """Hide advice that does not apply to a stream whose position follows from the step."""
    for message in (r"You're resuming from a checkpoint that ended before the epoch ended",
                    r"The '\w+_dataloader' does not have many workers",
                    r'Using ModelCheckpoint with manual optimization and every_n_train_steps',
                    r'Checkpoint directory .* exists and is not empty',
                    r'Experiment logs directory .* exists and is not empty',
                    r'`isinstance\(treespec, LeafSpec\)` is deprecated'):
        warnings.filterwarnings('ignore', message)
    logging.getLogger('lightning.pytorch.utilities.rank_zero').setLevel(logging.WARNING)
