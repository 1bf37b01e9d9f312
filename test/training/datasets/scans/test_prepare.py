"""From scans to training chunks, and the commands that do it."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.chunks import ChunkRules
from ssc_ros.fusion.formats import read_semantics
from training.datasets.scans import SpsgImages, find_chunks
from training.datasets.scans.__main__ import main
from training.datasets.scans.opening import open_scan
from training.datasets.scans.prepare import ChunkOptions, write_training_chunks
from training.datasets.scans.synthetic import ScanRecipe, SyntheticScan
from training.segmenters.pseudo_labels import read_pseudo_labels

RULES = ChunkRules(stride=64, min_complete=2000, min_incomplete=300)


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    """Return the folder of a prepared scan and how many chunks were made."""
    root = tmp_path_factory.mktemp('prepared')
    scan = SyntheticScan(ScanRecipe(
        'test', 7, rooms=1, frames_per_room=12, height=60, width=80, paint='classes'))
    count = write_training_chunks(scan, root, ChunkOptions(rules=RULES, max_chunks=3))
    return root, count


def test_chunks_come_with_targets_views_and_classes(prepared):
    root, count = prepared
    pairs = find_chunks(root / 'chunks', root / 'data-frames')
    assert len(pairs) == count == 3
    images = SpsgImages(root / 'images' / pairs[0].scene, 'matterport11')
    for pair in pairs:
        incomplete, complete = (part.volume for part in pair.read())
        assert incomplete.grid.shape == complete.grid.shape == (128, 64, 64)
        assert complete.surface.sum() > incomplete.surface.sum()
        assert 1 <= len(pair.frame_ids()) <= 5
        assert set(pair.frame_ids()) <= set(images.frame_ids)
        labels = read_semantics(pair.complete.with_suffix('.sem'))
        near = complete.surface
        assert set(np.unique(labels)) <= {*range(11), 255}
        assert (labels[~near] == 255).all()
        assert (labels[near] != 255).mean() > 0.6


def test_frames_that_were_kept_are_listed(prepared):
    root, _ = prepared
    kept = (root / 'frames_incomplete' / 'synthetic_test_0007.txt').read_text().split()
    assert 0 < len(kept) < 12


def test_images_keep_their_labels_in_the_classes_wanted(prepared):
    root, _ = prepared
    frame = SpsgImages(root / 'images' / 'synthetic_test_0007', 'matterport11').read('0')
    assert frame.labels.shape == frame.rgb.shape[:2]
    assert frame.labels[frame.labels != 255].max() < 11


def test_the_pseudo_command_labels_prepared_images(prepared, capsys):
    root, _ = prepared
    assert main(['pseudo', str(root)]) == 0
    assert '12 new label images by colors' in capsys.readouterr().out
    folder = root / 'images' / 'synthetic_test_0007'
    truth = SpsgImages(folder, 'matterport11').read('0').labels
    labels = read_pseudo_labels(folder, '0')
    both = (truth != 255) & (labels != 255)
    assert (truth[both] == labels[both]).mean() > 0.8


def test_generated_scans_are_read_and_checked_by_command(tmp_path, capsys):
    arguments = ['generate', str(tmp_path), '--rooms', '1', '--frames', '3', '--height', '24',
                 '--width', '32']
    assert main(arguments) == 0
    assert main(['check', 'scannet', str(tmp_path / 'synthetic_train_0000')]) == 0
    assert '3 frames: ' in capsys.readouterr().out


def test_a_wrong_folder_is_an_error_not_a_trace(tmp_path, capsys):
    assert main(['check', 'tum', str(tmp_path)]) == 1
    assert 'rgb.txt' in capsys.readouterr().err


def test_an_unknown_layout_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match='use one of'):
        open_scan('kitti', tmp_path)
