"""Tests of whole S4R runs on tiny synthetic scans."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.volume_grid import VolumeGrid
from ssc_ros.models.s4r.processing import S4rEstimator
from ssc_ros.weights import read_bundle_config, read_card
from training.cli.curves import draw_curves
from training.cli.evaluate import evaluate, load_weights
from training.cli.evaluate_scans import Answer, with_observed
from training.cli.export import export
from training.cli.fit import fit
from training.cli.scan_pictures import draw_scan
from training.datasets.scans.files import read_rgb
from training.runs import newest_checkpoint
from training.systems.s4r import S4rSystem

from .runs import fit_until_killed, logged, losses_by_step, state_after


def test_a_run_logs_its_losses_and_the_scores_of_chunks(make_s4r, tmp_path: Path) -> None:
    experiment = make_s4r(tmp_path)
    folder = fit(experiment)
    rows = logged(folder)
    assert len(losses_by_step(folder)) == 6
    assert all(row['train/distance'] for row in rows if row['train/total'])
    scored = next(row for row in rows if row.get('val/mean_iou'))
    assert {'val/geometry_iou', 'val/geometry_recall', 'val/strict_mean_iou', 'val_iou/wall'} <= {
        name for name, value in scored.items() if value}
    assert {'best_mean_iou.ckpt', 'best_geometry_iou.ckpt', 'step-6.ckpt'} <= {
        path.name for path in folder.glob('*.ckpt')}
    assert list((folder / 'tensorboard').iterdir())
    assert draw_curves(experiment).is_file()


@pytest.mark.parametrize('step', [1, 3, 5])
def test_a_killed_run_continues_to_the_same_weights(
    make_s4r, tmp_path: Path, step: int,
) -> None:
    """Turns, chosen views, virtual ones and schedules follow from the step."""
    whole, cut = (make_s4r(
        tmp_path / name, optimization={'views_from': 0.0, 'virtual_from': 0.0})
        for name in ('whole', 'cut'))
    fit_until_killed(cut, S4rSystem, step=step)
    continued, uncut = (state_after(fit(experiment)) for experiment in (cut, whole))
    assert all(torch.equal(continued[name], uncut[name]) for name in uncut)
    assert losses_by_step(cut.folder) == losses_by_step(whole.folder)


def test_the_supervised_twin_resumes_alike(make_s4r, tmp_path: Path) -> None:
    whole, cut = (make_s4r(tmp_path / name, losses={'supervision': 'voxels'})
                  for name in ('whole', 'cut'))
    fit_until_killed(cut, S4rSystem, step=4)
    continued, uncut = (state_after(fit(experiment)) for experiment in (cut, whole))
    assert all(torch.equal(continued[name], uncut[name]) for name in uncut)


def test_scenes_are_scored_by_every_protocol_and_shipped(
    make_s4r, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    experiment = make_s4r(tmp_path, data={
        'protocols': ['partial_to_full', 'partial_to_partial']})
    checkpoint = newest_checkpoint(fit(experiment))
    result = evaluate(experiment, checkpoint, precision='float32')
    assert set(result['protocols']) == {
        'partial_to_full', 'partial_to_full_observed_kept', 'partial_to_partial'}
    assert result['mean_iou'] == result['protocols']['partial_to_full']['mean_iou']
    assert result['scenes'] == 1 and result['scene_ids'] == ['synthetic_test_0000']
    assert json.loads((experiment.folder / 'test.json').read_text()) == result
    assert 'partial_to_partial' in capsys.readouterr().out

    estimator = load_weights(checkpoint, 'float32', system='s4r')
    picture = draw_scan(experiment, estimator, views=1)
    assert read_rgb(picture).shape == (302, 1260, 3)

    bundle = export(checkpoint, tmp_path / 'bundle', experiment.folder / 'test.json')
    assert read_bundle_config(bundle)['model'] == 's4r'
    card = read_card(bundle)
    assert 'pseudo labels of images by the segmenter `colors`' in card
    assert 'mIoU, strict' in card and '$' not in card
    estimator = S4rEstimator.from_bundle(bundle)
    completed = estimator(np.zeros((5, 32, 20, 24), np.float32))
    assert completed.covered.shape == (32, 20, 24)
    assert evaluate(experiment, bundle)['scenes'] == 1
    other = make_s4r(tmp_path, network={'preset': 'small', 'channels': [4, 8]})
    with pytest.raises(ConfigurationError, match='another configuration'):
        evaluate(other, bundle)


def test_what_was_measured_is_kept_free_space_too() -> None:
    tsdf_m = np.array([[[0.0, 0.2, -np.inf]]], np.float32)
    measured = SceneVolume(VolumeGrid((1, 1, 3), 0.04, np.eye(4)), tsdf_m,
                           np.isfinite(tsdf_m).astype(np.uint8), np.zeros((1, 1, 3, 3), np.uint8))
    kept = with_observed(Answer(np.float32([[[3, 0, 0.5]]]), None), measured).tsdf_voxels
    assert kept.ravel().tolist() == pytest.approx([0, 5, 0.5])


def test_nothing_learned_is_scored_too(make_s4r, tmp_path: Path) -> None:
    experiment = make_s4r(tmp_path, data={'protocols': ['partial_to_full', 'full_to_full']})
    measured = evaluate(experiment, Path('rule:input'))
    assert measured['protocols']['full_to_full']['geometry_iou'] == 1
    assert measured['geometry_iou'] == measured['protocols']['partial_to_full_observed_kept'][
        'geometry_iou']
    assert 0 < measured['geometry_iou'] < 1 and measured['mean_iou'] is None
    voted = evaluate(experiment, Path('rule:pseudo-fusion'))
    assert voted['geometry_iou'] == measured['geometry_iou'] and voted['mean_iou'] > 0.2
    with pytest.raises(ConfigurationError, match='rule:input, rule:pseudo-fusion'):
        evaluate(experiment, Path('rule:guess'))


def test_chunks_that_are_not_there_are_named(make_s4r, tmp_path: Path) -> None:
    with pytest.raises(DataError, match='is it the folder of chunks'):
        fit(make_s4r(tmp_path, data={'root': str(tmp_path)}))
