"""The map that a moving camera fuses is at least as right as the frames it is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope='module')
def quality(root: Path, load_module: Callable[[Path], ModuleType]) -> ModuleType:
    """Return the script that scores fusion on walks through synthetic rooms."""
    pytest.importorskip('embreex')
    return load_module(root / 'benchmarks/bench_temporal_quality.py')


@pytest.fixture(scope='module')
def counts(quality):
    """Return the scores of a predictor that knows the labels, but spoils a fifth of them."""
    from training.datasets.synthetic.generate import RoomRecipe

    predict = quality.noisy_truth(np.random.default_rng(0))
    walk = quality.Walk(RoomRecipe('test', 0, 48, 64), predict, frames=6, rate_hz=2.0)
    return quality.score([walk], first=2)


def test_fused_labels_are_better_than_those_of_single_frames(counts):
    fused, single, once = (
        counts[way].scores() for way in ('fused', 'single frame', 'once in the map'))
    assert fused.ssc_miou > single.ssc_miou + 0.05
    assert fused.sc_iou > single.sc_iou + 0.1
    assert fused.ssc_miou > once.ssc_miou + 0.05


def test_all_ways_are_scored_on_about_the_same_volume(counts):
    voxels = [each.num_voxels for each in counts.values()]
    assert voxels[1] == voxels[2] and voxels[0] == pytest.approx(voxels[1], rel=0.05)
