"""Tests of whole IMENet runs on rooms of boxes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.weights import read_bundle_config, read_card
from training.cli.evaluate import evaluate
from training.cli.export import export
from training.cli.fit import fit
from training.cli.sweep import sweep
from training.experiment import Experiment
from training.runs import newest_checkpoint, read_checkpoint
from training.systems.imenet import ImenetSystem

from .runs import fit_until_killed, logged, losses_by_step


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    """Return everything trained, copies included."""
    checkpoint = newest_checkpoint(folder)
    assert checkpoint is not None
    return torch.load(checkpoint, map_location='cpu', weights_only=True)['state_dict']


def assert_same_tensors(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def experiment(make_boxes, tmp_path: Path) -> Experiment:
    return make_boxes(tmp_path, data={'train_samples': 6})


def test_a_run_goes_through_its_rounds_and_keeps_a_network_after_each(
    experiment: Experiment,
) -> None:
    folder = fit(experiment)
    rows = [row for row in logged(folder) if row.get('train/round')]
    assert [float(row['train/round']) for row in rows] == sorted(
        float(row['train/round']) for row in rows)
    assert {float(row['train/round']) for row in rows} == {0, 1, 2}
    scored = next(row for row in logged(folder) if row.get('val/ssc_miou'))
    assert {'val/sc_iou', 'val/mean_iou', 'val/pixel_accuracy', 'val_iou/wall'} <= {
        name for name, value in scored.items() if value}
    kept = {path.name for path in folder.glob('*.ckpt')}
    assert {'round-0.ckpt', 'round-1.ckpt', 'round-2.ckpt', 'step-12.ckpt',
            'best_ssc_miou.ckpt', 'best_mean_iou.ckpt'} <= kept
    assert {path.name for path in (folder / 'labels').iterdir()} == {
        'group-02.npz', 'group-03.npz', 'group-04.npz', 'group-05.npz'}
    _, last, _ = read_checkpoint(folder / 'round-2.ckpt')
    assert_same_tensors(last, read_checkpoint(folder / 'step-12.ckpt')[1])


@pytest.mark.parametrize('step', [1, 7, 10])
def test_a_run_killed_in_any_round_continues_to_the_same_curve(
    make_boxes, tmp_path: Path, step: int,
) -> None:
    whole, cut = (make_boxes(
        tmp_path / name, data={'train_samples': 6}, run={'checkpoint_every_steps': 2})
        for name in ('whole', 'cut'))
    fit_until_killed(cut, ImenetSystem, step=step)
    assert_same_tensors(tensors_of(fit(cut)), tensors_of(fit(whole)))
    assert losses_by_step(cut.folder) == losses_by_step(whole.folder)


def test_a_killed_run_with_copies_continues_to_the_same_weights(
    make_boxes, tmp_path: Path,
) -> None:
    whole, cut = (make_boxes(
        tmp_path / name, data={'train_samples': 20},
        optimization={'crossfit': True, 'steps': 48}) for name in ('whole', 'cut'))
    fit_until_killed(cut, ImenetSystem, step=29)
    continued, uncut = tensors_of(fit(cut)), tensors_of(fit(whole))
    assert any(name.startswith('halves.1.') for name in uncut)
    assert_same_tensors(continued, uncut)


def test_a_round_whose_labels_are_gone_is_not_guessed(experiment: Experiment) -> None:
    fit_until_killed(experiment, ImenetSystem, step=7)
    for path in (experiment.folder / 'labels').iterdir():
        path.unlink()
    with pytest.raises(DataError, match='begin the run anew with --restart'):
        fit(experiment)


def test_unrolled_batches_train_both_branches(make_boxes, tmp_path: Path) -> None:
    experiment = make_boxes(tmp_path, data={'train_samples': 6}, optimization={
        'mode': 'unrolled', 'steps': 6})
    folder = fit(experiment)
    assert len(losses_by_step(folder)) == 6
    before, after = (read_checkpoint(folder / f'round-{number}.ckpt')[1] for number in (0, 2))
    moved = {name.split('.')[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {'image', 'voxel', 'refine2d', 'refine3d'}


def test_networks_of_another_run_are_where_rounds_begin(make_boxes, tmp_path: Path) -> None:
    alone = make_boxes(tmp_path / 'alone', data={'train_samples': 6}, optimization={
        'rounds': 0, 'steps': 4}, network={'has_dcp2d': False, 'has_dda': False})
    checkpoint = newest_checkpoint(fit(alone))
    system = ImenetSystem(make_boxes(tmp_path, optimization={
        'starts_from': str(checkpoint)}).to_dict(), 12)
    system.trainer = type('Fresh', (), {'global_step': 0})()
    system.on_train_start()
    _, state, _ = read_checkpoint(checkpoint)
    own = system.network.state_dict()
    assert state.keys() < own.keys()
    assert all(torch.equal(own[name], tensor) for name, tensor in state.items())


def test_a_test_scores_voxels_and_pixels_after_every_iteration(
    experiment: Experiment, capsys: pytest.CaptureFixture[str],
) -> None:
    weights = newest_checkpoint(fit(experiment))
    first, second = (evaluate(experiment, weights, limit=3) for _ in range(2))
    assert {key: first[key] for key in ('iterations', 'ss_miou', 'attention')} == {
        key: second[key] for key in ('iterations', 'ss_miou', 'attention')}
    assert len(first['iterations']) == 7 and first['trained_iterations'] == 2
    assert first['iterations'][2]['ssc_miou'] == first['ssc_miou']
    assert first['iterations'][2]['ss_miou'] == first['ss_miou']
    assert 0 < first['attention']['mean_diagonal'] <= 1
    assert {'sc_iou', 'ssc_miou', 'ss_miou'} <= first['intervals'].keys()
    shown = capsys.readouterr().out
    assert '2 *' in shown and 'attention: mean diagonal' in shown
    assert json.loads((experiment.folder / 'test.json').read_text())['frames'] == 3
    assert (experiment.folder / 'test_counts.npz').is_file()
    part = evaluate(experiment, weights, limit=3, iterations=2, every=2)
    assert (part['frames'], part['every'], len(part['iterations'])) == (2, 2, 3)
    with pytest.raises(ConfigurationError, match='another configuration'):
        evaluate(Experiment(**{
            **{name: getattr(experiment, name) for name in (
                'name', 'system', 'data', 'losses', 'optimization', 'run')},
            'network': type(experiment.network).from_dict(
                {**experiment.network.to_dict(), 'attn_mode': 'off'})}), weights)


def test_upper_bounds_are_given_the_truth_of_one_branch(make_boxes, tmp_path: Path) -> None:
    pixels_given = make_boxes(tmp_path / 'pixels', data={'train_samples': 4}, network={
        'image_network': 'none', 'has_dcp2d': False, 'iterations': 1},
        optimization={'rounds': 1, 'steps': 4})
    result = evaluate(pixels_given, newest_checkpoint(fit(pixels_given)), limit=2)
    assert result['ss_miou'] is None and result['ssc_miou'] is not None
    voxels_given = make_boxes(tmp_path / 'voxels', data={'train_samples': 4}, network={
        'voxel_network': 'none', 'has_dda': False, 'iterations': 1},
        optimization={'rounds': 1, 'steps': 4})
    result = evaluate(voxels_given, newest_checkpoint(fit(voxels_given)), limit=2)
    assert result['ss_miou'] is not None and result['ssc_miou'] is None
    assert result['iterations'][1]['ss_miou'] > result['iterations'][0]['ss_miou']


def test_a_sweep_scores_and_draws_every_round(experiment: Experiment) -> None:
    with pytest.raises(DataError, match='train the experiment first'):
        sweep(experiment)
    fit(experiment)
    document = sweep(experiment, limit=2)
    assert [result['round'] for result in document['rounds']] == [0, 1, 2]
    assert len(document['rounds'][-1]['iterations']) == 7
    assert {'sweep.json', 'sweep.png', 'sweep_iterations.png'} <= {
        path.name for path in experiment.folder.iterdir()}


def test_a_bundle_says_what_it_is(experiment: Experiment, tmp_path: Path) -> None:
    checkpoint = newest_checkpoint(fit(experiment))
    evaluate(experiment, checkpoint, limit=2)
    bundle = export(checkpoint, tmp_path / 'bundle', experiment.folder / 'test.json')
    assert read_bundle_config(bundle)['model'] == 'imenet'
    card = read_card(bundle)
    assert 'label map of another network' in card and 'SS mIoU (pixels)' in card
    assert evaluate(experiment, bundle, limit=2)['frames'] == 2
