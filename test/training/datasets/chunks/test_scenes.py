"""Whole scenes, and labels by votes of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.chunks import ScanScenes
from training.datasets.chunks.scenes import pseudo_fusion


def test_both_volumes_lie_on_one_grid_and_the_complete_one_has_more(tiny_scans: Path) -> None:
    scene = ScanScenes(tiny_scans / 'test')[0]
    incomplete, complete = scene.volumes['incomplete'], scene.volumes['complete']
    assert scene.name == 'synthetic_test_0000'
    np.testing.assert_array_equal(incomplete.grid.T_grid_world, complete.grid.T_grid_world)
    assert complete.surface.sum() > 1.1 * incomplete.surface.sum()
    assert scene.known.shape == complete.grid.shape
    assert (scene.known[complete.surface] == 1).all()
    assert (scene.labels['complete'][~complete.surface] == 255).all()


def test_votes_of_frames_label_most_surfaces_right(tiny_scans: Path) -> None:
    scene = ScanScenes(tiny_scans / 'test')[0]
    volume, truth = scene.volumes['complete'], scene.labels['complete']
    labels = pseudo_fusion(scene, volume, 11)
    both = (labels != 255) & (truth != 255)
    assert both.sum() > 0.2 * (truth != 255).sum()
    assert (labels == truth)[both].mean() > 0.6


def test_a_split_without_scenes_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='chunks --scenes'):
        ScanScenes(tmp_path)
