"""Tests of whole AMMNet runs on tiny frames."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from ssc_ros.errors import ConfigurationError
from ssc_ros.weights import read_bundle_config, read_card
from training.__main__ import main
from training.cli.evaluate import evaluate
from training.cli.export import export
from training.cli.fit import fit
from training.datasets.completion_loading import VolumeData
from training.experiment import Experiment, parse_experiment
from training.runs import newest_checkpoint, read_checkpoint
from training.systems.ammnet import AmmnetSystem

from .runs import fit_until_killed, logged, losses_by_step


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    """Return everything trained, discriminator included."""
    checkpoint = newest_checkpoint(folder)
    assert checkpoint is not None
    return torch.load(checkpoint, map_location='cpu', weights_only=True)['state_dict']


@pytest.fixture(scope='module')
def whole_run(make_ammnet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(make_ammnet(tmp_path_factory.mktemp('whole')))


def test_a_run_logs_both_networks_and_both_scores(whole_run: Path) -> None:
    assert {'best_ssc_miou.ckpt', 'best_sc_iou.ckpt', 'step-4.ckpt'} <= {
        path.name for path in whole_run.iterdir()}
    rows = [row for row in logged(whole_run) if row['train/total']]
    assert [int(row['step']) for row in rows] == [0, 1, 2, 3]
    for row in rows:
        total = float(row['train/completion']) + 0.005 * float(row['train/adversarial'])
        assert float(row['train/total']) == pytest.approx(total, rel=1e-5)
        assert float(row['train/discriminator']) > 0
    assert float(rows[0]['train/learning_rate']) > float(rows[-1]['train/learning_rate'])
    assert [int(row['step']) for row in logged(whole_run) if row['val/ssc_miou']] == [3]
    assert any(row['train/ssc_miou'] for row in logged(whole_run))


def test_a_killed_run_continues_to_the_same_curve(
    make_ammnet, whole_run: Path, tmp_path: Path,
) -> None:
    experiment = make_ammnet(tmp_path)
    fit_until_killed(experiment, AmmnetSystem, step=3)
    assert newest_checkpoint(experiment.folder) == experiment.folder / 'step-2.ckpt'
    continued, whole = tensors_of(fit(experiment)), tensors_of(whole_run)
    assert any(name.startswith('discriminator.') for name in whole)
    assert all(torch.equal(tensor, continued[name]) for name, tensor in whole.items())
    assert losses_by_step(experiment.folder) == losses_by_step(whole_run)


def test_a_run_is_not_continued_with_another_network(make_ammnet, whole_run: Path) -> None:
    experiment = make_ammnet(whole_run.parent, network={'feature_channels': 16})
    with pytest.raises(ConfigurationError, match='feature_channels: 8, not 16'):
        fit(experiment)


def test_memory_saving_changes_no_step(make_ammnet, whole_run: Path, tmp_path: Path) -> None:
    frugal = fit(make_ammnet(
        tmp_path, data={'cache': 'none'}, optimization={'checkpointing': True, 'steps': 1}))
    kept = fit(make_ammnet(
        tmp_path / 'kept', data={'cache': 'host', 'tsdf_precision': 'float32'},
        optimization={'steps': 1}))
    found = tensors_of(frugal)
    for name, tensor in tensors_of(kept).items():
        torch.testing.assert_close(found[name], tensor, atol=1e-5, rtol=1e-4, msg=name)


def test_passes_accumulate_to_one_step(make_ammnet, tmp_path: Path) -> None:
    folder = fit(make_ammnet(
        tmp_path, data={'batch_size': 1}, optimization={'steps': 1, 'accumulate_batches': 2}))
    rows = [row for row in logged(folder) if row['train/total']]
    assert [int(row['step']) for row in rows] == [0]
    assert newest_checkpoint(folder) == folder / 'step-1.ckpt'


@pytest.mark.parametrize('sections', [
    {'losses': {'discriminator_forward': 'shared', 'alignment': 'fixed'}},
    {'losses': {'perturbation': 'paper', 'erase_to': 'empty', 'fakes': ['erase']},
     'optimization': {'weight_decay_mode': 'official_double'}},
    {'losses': {'adversarial': 0}, 'network': {'augmentation_3d': 'input'},
     'optimization': {'average_decay': 0.5}},
    {'network': {'preset': 'small'}, 'data': {'photometric': 'official'},
     'optimization': {'precision': 'bf16-mixed', 'channels_last': True}},
], ids=['shared', 'paper', 'no-adversary', 'images'])
def test_every_switch_trains(make_ammnet, tmp_path: Path, sections: dict) -> None:
    sections = {**sections, 'optimization': {**sections.get('optimization', {}), 'steps': 1}}
    row = logged(fit(make_ammnet(tmp_path, **sections)))[0]
    assert float(row['train/total']) > 0
    no_adversary = sections.get('losses', {}).get('adversarial') == 0
    assert ('train/adversarial' in row) != no_adversary
    assert ('train/image' in row) == (sections.get('network', {}).get('preset') == 'small')


def test_each_step_trains_its_own_network(
    make_ammnet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed: list[tuple[bool, bool]] = []
    step = AmmnetSystem._step

    def watched(system, index, own, other):
        modules = (own, other)
        before = [[each.detach().clone() for each in module.parameters()] for module in modules]
        norm = step(system, index, own, other)
        changed.append(tuple(
            any(not torch.equal(*pair) for pair in zip(olds, module.parameters(), strict=True))
            for olds, module in zip(before, modules, strict=True)))
        return norm

    monkeypatch.setattr(AmmnetSystem, '_step', watched)
    for mode in ('separate', 'official_double'):
        fit(make_ammnet(
            tmp_path / mode, optimization={'steps': 1, 'weight_decay_mode': mode}))
    assert changed == [(True, False)] * 2 + [(True, True)] * 2


def test_scores_bundles_and_tables_follow_a_run(
    make_ammnet, whole_run: Path, tmp_path: Path, capsys,
) -> None:
    experiment = make_ammnet(whole_run.parent)
    experiment = replace(experiment, reproduces='nyu/ammnet-deeplab')
    result = evaluate(experiment, whole_run / 'step-4.ckpt', precision='float32')
    assert result['frames'] == 2
    assert json.loads((whole_run / 'test.json').read_text())['seed'] == 8332
    bundle = export(whole_run / 'step-4.ckpt', tmp_path / 'bundle', whole_run / 'test.json')
    assert read_bundle_config(bundle)['model'] == 'ammnet'
    assert 'On the 2 frames of the test split' in read_card(bundle)
    exported = evaluate(experiment, bundle, precision='float32', limit=1)
    assert exported['frames'] == 1
    capsys.readouterr()
    assert main(['tables', 'ammnet', '--runs', str(whole_run.parent)]) == 0
    assert 'nyu/ammnet-deeplab' in capsys.readouterr().out


def test_the_last_validation_is_what_the_test_measures(make_ammnet, whole_run: Path) -> None:
    experiment = make_ammnet(whole_run.parent)
    result = evaluate(experiment, whole_run / 'step-4.ckpt', split='val', precision='float32')
    last = next(row for row in reversed(logged(whole_run)) if row['val/sc_iou'])
    assert float(last['val/sc_iou']) == pytest.approx(result['sc_iou'], abs=2e-3)


def test_weights_of_another_configuration_are_refused(make_ammnet, whole_run: Path) -> None:
    experiment = make_ammnet(whole_run.parent, network={'fusion_sites': [1]})
    with pytest.raises(ConfigurationError, match=r'fusion_sites: \[1, 2, 3\], not \[1\]'):
        evaluate(experiment, whole_run / 'step-4.ckpt')


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_train_as_one(make_ammnet, root: Path, tmp_path: Path) -> None:
    experiment: Experiment = make_ammnet(
        tmp_path, data={'batch_size': 1, 'val_samples': 2}, run={'devices': 2},
        optimization={'steps': 2})
    recipe = tmp_path / 'tiny.yaml'
    recipe.write_text(yaml.safe_dump(json.loads(json.dumps(experiment.to_dict()))))
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node=2',
         f'--master-port={free_port()}', '-m', 'training', 'fit', str(recipe)],
        cwd=root, env={**os.environ, 'OMP_NUM_THREADS': '1', 'GLOO_SOCKET_IFNAME': 'lo'},
        capture_output=True, text=True, timeout=540, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count('2 steps, 3 training') == 1
    folder = experiment.folder
    assert len([row for row in logged(folder) if row['train/total']]) == 2
    trained, state, steps = read_checkpoint(folder / 'step-2.ckpt')
    assert steps == 2
    assert trained.run.devices == 2
    assert all(torch.isfinite(tensor.float()).all() for tensor in state.values())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_real_frames_are_learned_by_heart(shared_data: Path, tmp_path: Path) -> None:
    experiment = parse_experiment({
        'name': 'heart', 'system': 'ammnet',
        'network': {
            'preset': 'small-labels', 'feature_channels': 24, 'detail_channels': 8,
            'augmentation_3d': 'none', 'tsdf_dropout': 0, 'voxel_dropout': 0},
        'data': {
            'root': str(shared_data / 'nyu'), 'batch_size': 2, 'train_samples': 2,
            'val_samples': 1, 'augments_images': False},
        'losses': {'label_smoothing': 0, 'adversarial': 0},
        'optimization': {
            'steps': 80, 'learning_rate': 1e-2, 'weight_decay': 0, 'schedule_interval': 'step',
            'precision': 'bf16-mixed', 'channels_last': True},
        'run': {'folder': str(tmp_path), 'validations': 2, 'log_every_steps': 1}})
    rows = logged(fit(experiment))
    losses = [float(row['train/total']) for row in rows if row['train/total']]
    assert losses[-1] < 0.05 * losses[0]
    early, late = (float(row['train/sc_iou']) for row in rows if row['train/sc_iou'])
    assert early < late
    assert late > 0.9


@pytest.mark.gpu
def test_frames_are_kept_and_augmented_on_the_gpu(make_ammnet, tmp_path: Path) -> None:
    experiment = make_ammnet(
        tmp_path, network={'preset': 'small'}, data={'cache': 'device'},
        optimization={'steps': 2, 'precision': 'bf16-mixed', 'channels_last': True})
    data = VolumeData(experiment)
    data.trainer = SimpleNamespace(
        strategy=SimpleNamespace(root_device=torch.device('cuda')), world_size=1, global_rank=0)
    batch = next(iter(data.val_dataloader()))
    assert batch.inputs.image.is_cuda and batch.pixel_labels.is_cuda
    row = logged(fit(experiment))[0]
    assert float(row['train/total']) > 0
