"""
Both branches gain from each other where each alone must guess.

Rooms of boxes: chairs and tables share a colour, beds and sofas a shape (see `joint_world`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.cli.evaluate import evaluate
from training.cli.fit import fit
from training.runs import newest_checkpoint

LEARNING: dict[str, Any] = {
    'data': {'batch_size': 4, 'image_batch_size': 4},
    'losses': {'auxiliary': 0.4},
    'optimization': {
        'steps': 480, 'rounds': None, 'optimizer': 'adamw', 'learning_rate': 1e-2,
        'weight_decay': 1e-4, 'schedule': 'cosine', 'image_epochs': 8, 'voxel_epochs': 12,
        'round_image_epochs': 1, 'round_voxel_epochs': 4},
    'run': {'checkpoint_every_steps': 10_000, 'log_every_steps': 100},
}
MODELS: dict[str, dict[str, Any]] = {
    'a': {'iterations': 0, 'has_dcp2d': False, 'has_dda': False},
    'e': {},
    '2dgt': {'iterations': 1, 'image_network': 'none', 'has_dcp2d': False},
    '3dgt': {'iterations': 1, 'voxel_network': 'none', 'has_dda': False},
}


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_exchange_helps_both_branches_and_the_truth_helps_more(
    make_boxes, tmp_path: Path,
) -> None:
    scores = {}
    for name, network in MODELS.items():
        experiment = make_boxes(tmp_path / name, network=network, **LEARNING)
        scores[name] = evaluate(experiment, newest_checkpoint(fit(experiment)))
    pixels, voxels = ({name: 100 * result[key] for name, result in scores.items()
                       if result[key] is not None} for key in ('ss_miou', 'ssc_miou'))
    assert pixels['e'] > pixels['a'] + 5, pixels
    assert voxels['e'] > voxels['a'] + 5, voxels
    # Upper bounds learn one branch alone, in fewer steps of it: they may fall short by a little.
    assert voxels['2dgt'] > voxels['e'] - 1, voxels
    assert pixels['3dgt'] > pixels['e'] - 1, pixels
    assert len(scores['e']['iterations']) == 7
