"""Tests of whole training runs on tiny rooms."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ssc_ros.errors import DataError
from training.cli.fit import fit, planned_steps
from training.runs import newest_checkpoint, read_checkpoint
from training.systems.occdepth import OccDepthSystem

from .runs import fit_until_killed, logged, losses_by_step, state_after


@pytest.fixture(scope='module')
def whole_run(make_experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(make_experiment(tmp_path_factory.mktemp('whole')))


def test_a_run_writes_checkpoints_scores_and_logs(whole_run: Path) -> None:
    assert {'best_ssc_miou.ckpt', 'best_sc_iou.ckpt', 'step-6.ckpt', 'experiment.yaml'} <= {
        path.name for path in whole_run.iterdir()}
    assert list(whole_run.glob('tensorboard/events*'))
    rows = logged(whole_run)
    assert [int(row['step']) for row in rows if row['train/total']] == list(range(6))
    assert [int(row['step']) for row in rows if row['val/ssc_miou']] == [5]


def test_a_killed_run_continues_to_the_same_weights(
    make_experiment, whole_run: Path, tmp_path: Path,
) -> None:
    experiment = make_experiment(tmp_path)
    fit_until_killed(experiment, OccDepthSystem, step=4)
    assert newest_checkpoint(experiment.folder) == experiment.folder / 'step-3.ckpt'
    continued = state_after(fit(experiment))
    whole = state_after(whole_run)
    assert all(torch.equal(tensor, continued[name]) for name, tensor in whole.items())
    assert losses_by_step(experiment.folder) == losses_by_step(whole_run)


def test_a_checkpoint_cut_by_the_kill_is_passed_over(whole_run: Path, tmp_path: Path) -> None:
    intact = (whole_run / 'step-6.ckpt').read_bytes()
    (tmp_path / 'step-6.ckpt').write_bytes(intact)
    (tmp_path / 'step-9.ckpt').write_bytes(intact[:5000])
    assert newest_checkpoint(tmp_path) == tmp_path / 'step-6.ckpt'


def test_restart_forgets_the_earlier_run(make_experiment, tmp_path: Path) -> None:
    leftover = tmp_path / 'tiny' / 'step-99.ckpt'
    leftover.parent.mkdir()
    leftover.touch()
    fit(make_experiment(tmp_path, optimization={'steps': 1}), restart=True)
    assert not leftover.exists()


def test_time_is_up_before_the_steps_are(make_experiment, tmp_path: Path, capsys) -> None:
    folder = fit(make_experiment(
        tmp_path, optimization={'steps': 1000}, run={'max_time': '00:00:00:01'}))
    assert 'of 1000 steps; validating' in capsys.readouterr().out
    assert newest_checkpoint(folder) is not None


def test_averaged_weights_are_what_checkpoints_hold(
    make_experiment, whole_run: Path, tmp_path: Path,
) -> None:
    averaged = state_after(fit(make_experiment(tmp_path, optimization={'average_decay': 0.5})))
    last, name = state_after(whole_run), 'completion.head.trunk.0.reduce.weight'
    assert not torch.equal(averaged[name], last[name])
    assert (averaged[name] - last[name]).abs().max() < 6e-3  # six steps of AdamW at 1e-3


def test_mean_fusion_rgbd_and_every_loss_train(make_experiment, tmp_path: Path) -> None:
    rgbd = {'views': 1, 'virtual_baseline_m': 0.1, 'depth_matching': False}
    for network in ({'fusion': 'mean'}, rgbd, {'context_prior': True}):
        experiment = make_experiment(tmp_path, network=network, optimization={'steps': 1})
        folder = fit(experiment, restart=True)
        row = logged(folder)[0]
        assert float(row['train/frustum']) > 0
        assert ('train/relation' in row) == ('context_prior' in network)


def test_validations_divide_the_steps(make_experiment, tmp_path: Path) -> None:
    experiment = make_experiment(tmp_path, optimization={'steps': 10}, run={'validations': 4})
    assert planned_steps(experiment, 3) == (12, 3)


def test_epochs_become_steps(make_experiment, tmp_path: Path) -> None:
    experiment = make_experiment(tmp_path, optimization={'steps': None, 'epochs': 5})
    assert planned_steps(experiment, 3) == (15, 15)


def test_a_missing_checkpoint_is_named() -> None:
    with pytest.raises(DataError, match=r'nowhere\.ckpt'):
        read_checkpoint(Path('nowhere.ckpt'))
