"""Tests of whole GAD training runs on made-up images, and of scoring them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ssc_ros.errors import ConfigurationError
from ssc_ros.metrics import SegmentationCounts
from training.cli.evaluate import evaluate
from training.cli.export import export
from training.cli.fit import fit
from training.experiment import Experiment
from training.runs import newest_checkpoint
from training.systems.gad import GadSystem

from .runs import fit_until_killed, logged, state_after

MakeGad = Callable[..., Experiment]
# Two of three images have depth, so that batches are grouped.
SHARE = {'data': {'depth_fraction': 0.67}}


@pytest.fixture(scope='module')
def whole_run(make_gad: MakeGad, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(make_gad(tmp_path_factory.mktemp('whole'), **SHARE))


def test_a_run_writes_checkpoints_scores_and_logs(whole_run: Path) -> None:
    assert {'best_mean_iou.ckpt', 'best_pixel_accuracy.ckpt', 'step-4.ckpt', 'experiment.yaml'
            } <= {path.name for path in whole_run.iterdir()}
    rows = [row for row in logged(whole_run) if row['train/total']]
    assert [int(row['step']) for row in rows] == list(range(4))
    for row in rows:
        names = ['semantic', 'depth', *(f'side{level}' for level in range(1, 5))]
        total = sum(float(row[f'train/{name}']) for name in names)
        assert float(row['train/total']) == pytest.approx(total, rel=1e-5)
    assert any(float(row['train/depth']) == 0 for row in rows)  # a batch without depth
    assert [int(row['step']) for row in logged(whole_run) if row['val/mean_iou']] == [3]


def test_a_killed_run_continues_to_the_same_weights(
    make_gad: MakeGad, whole_run: Path, tmp_path: Path,
) -> None:
    experiment = make_gad(tmp_path, **SHARE)
    fit_until_killed(experiment, GadSystem, step=3)
    assert newest_checkpoint(experiment.folder) == experiment.folder / 'step-2.ckpt'
    continued, whole = state_after(fit(experiment)), state_after(whole_run)
    assert all(torch.equal(tensor, continued[name]) for name, tensor in whole.items())


def test_weights_are_scored_both_ways_and_drawn(
    make_gad: MakeGad, whole_run: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    experiment = make_gad(whole_run.parent, **SHARE)
    result = evaluate(experiment, whole_run / 'best_mean_iou.ckpt')
    printed = capsys.readouterr().out
    assert 'standard  release' in printed
    assert 'depth, where known: RMSE' in printed
    written = json.loads((whole_run / 'test.json').read_text())
    assert written == json.loads(json.dumps(result))
    assert (written['images'], written['started_from']) == (2, 'random weights')
    assert set(written['release']) >= {'pixel_accuracy', 'mean_accuracy', 'mean_iou'}
    low, high = written['intervals']['mean_iou']
    assert low <= written['mean_iou'] <= high
    with np.load(whole_run / 'test_counts.npz') as arrays:
        counts = SegmentationCounts.from_arrays(arrays)
    assert counts.frame_ids == ('0001', '0002')
    assert counts.scores().mean_iou == written['mean_iou']
    # Every labelled pixel of the original size counts.
    assert counts.confusion.sum() == 2 * 480 * 640
    assert (whole_run / 'test_confusion.png').is_file()


def test_weights_are_exported_with_their_card_and_score_alike(
    make_gad: MakeGad, whole_run: Path, tmp_path: Path,
) -> None:
    experiment = make_gad(whole_run.parent, **SHARE)
    measured = evaluate(experiment, whole_run / 'step-4.ckpt')
    bundle = export(whole_run / 'step-4.ckpt', tmp_path / 'bundle', whole_run / 'test.json')
    card = (bundle / 'README.md').read_text()
    assert 'random weights' in card
    assert re.search(f'PixAcc +{100 * measured["pixel_accuracy"]:.2f}', card)
    assert '$' not in card
    again = evaluate(experiment, bundle)
    # Bundles are stored in half precision.
    assert again['pixel_accuracy'] == pytest.approx(measured['pixel_accuracy'], abs=0.02)


def test_weights_of_another_network_are_refused(
    make_gad: MakeGad, whole_run: Path, tmp_path: Path,
) -> None:
    other = make_gad(tmp_path, network={'gap_channels': 8})
    with pytest.raises(ConfigurationError, match='gap_channels: 4, not 8'):
        evaluate(other, whole_run / 'step-4.ckpt')
    with pytest.raises(ConfigurationError, match='another configuration'):
        fit(make_gad(whole_run.parent, network={'gap_channels': 8}))
