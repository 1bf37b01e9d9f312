from __future__ import annotations

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.viewer import RecordedFrame

pytest.importorskip('PIL')
pytest.importorskip('embreex')

from PIL import Image

from ssc_ros.viewer.pictures import scene_picture

GOLDEN_SCRIPT = Path(__file__).parent / 'golden' / 'make_overview.py'


def share_of_color(picture: np.ndarray, color: np.ndarray) -> float:
    """Return the share of pixels whose hue is that of a colour, whatever the light."""
    pixels, wanted = picture.reshape(-1, 3).astype(float), color.astype(float)
    cosine = pixels @ wanted / (np.linalg.norm(pixels, axis=1) * np.linalg.norm(wanted) + 1e-9)
    return float((cosine > 0.998).mean())


def test_the_picture_equals_the_golden_one_up_to_rounding():
    script = runpy.run_path(str(GOLDEN_SCRIPT))
    golden = np.asarray(Image.open(script['GOLDEN']).convert('RGB')).astype(int)
    difference = np.abs(script['render']().astype(int) - golden)
    # A ray along the border of two faces may fall to either side on another processor.
    assert (difference.max(axis=2) > 12).mean() < 0.005
    assert difference.mean() < 0.3


def test_the_golden_picture_is_small():
    assert GOLDEN_SCRIPT.with_name('overview.png').stat().st_size < 100_000


def test_a_sheet_shows_images_prediction_and_truth(frame):
    sheet = scene_picture(frame, title='a room', mark_completed=False)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1:] == (1600, 3)
    colors = frame.estimate.label_space.colors
    halves = sheet[108:708, 424:996], sheet[108:708, 1016:1588]
    for name in ('floor', 'bed', 'sofa'):
        color = colors[frame.estimate.label_space.names.index(name)]
        shares = [share_of_color(half, color) for half in halves]
        assert min(shares) > 0.01, name
        assert shares[0] == pytest.approx(shares[1], rel=0.2), name


def test_the_ceiling_is_cut_away_so_that_the_room_is_seen(frame):
    ceiling = frame.estimate.label_space.colors[1]
    assert share_of_color(scene_picture(frame)[108:708], ceiling) < 0.001


def test_completed_voxels_look_different_only_when_marked(frame):
    marked, plain = (scene_picture(frame, mark_completed=mark) for mark in (True, False))
    left, right = np.s_[108:708, 424:996], np.s_[108:708, 1016:1588]
    assert np.array_equal(marked[right], plain[right])
    changed = (marked[left] != plain[left]).any(axis=2)
    assert 0.05 < changed.mean() < 0.6
    assert marked[left][changed].mean() > plain[left][changed].mean()


def test_without_truth_and_images_a_sheet_still_comes_out(frame):
    estimate = replace(frame.estimate, image_labels=None, depth_m=None)
    sheet = scene_picture(RecordedFrame(estimate))
    assert len(np.unique(sheet[108:708, 1016:1588].reshape(-1, 3), axis=0)) > 100


def test_an_empty_prediction_gives_an_empty_drawing(frame):
    labels = np.zeros_like(frame.estimate.labels)
    sheet = scene_picture(replace(frame, estimate=replace(frame.estimate, labels=labels)))
    panel = sheet[108:708, 424:996]
    assert (panel == panel[:, :1]).all()


def test_missing_embree_says_what_to_install(frame, monkeypatch):
    monkeypatch.setitem(sys.modules, 'embreex.rtcore_scene', None)
    with pytest.raises(ConfigurationError, match=r'embreex.*pip install "ssc_ros\[viewer\]"'):
        scene_picture(frame)
