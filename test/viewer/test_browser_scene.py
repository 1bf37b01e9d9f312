from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssc_ros.viewer.browser_scene import Choice, semantic_cloud, shown_voxels, voxel_glb

OPEN = Choice(is_cut_open=False, only_known=False)


def test_all_matter_is_shown_at_first(frame):
    assert np.array_equal(shown_voxels(frame, OPEN), frame.estimate.labels > 0)


def test_observed_and_completed_voxels_are_switched_apart(frame):
    observed = shown_voxels(frame, replace(OPEN, show_completed=False))
    completed = shown_voxels(frame, replace(OPEN, show_observed=False))
    assert not (observed & completed).any()
    assert np.array_equal(observed | completed, frame.estimate.labels > 0)
    assert frame.estimate.observed[observed].all()


def test_hidden_classes_leave_both_sources(frame):
    for source, labels in (('prediction', frame.estimate.labels),
                           ('ground truth', frame.ground_truth)):
        shown = shown_voxels(frame, replace(OPEN, source=source, hidden_classes=frozenset({3})))
        assert set(np.unique(labels[shown])) == set(range(1, 12)) - {3}


def test_truth_is_shown_whole_and_ignored_voxels_are_not(frame):
    choice = replace(OPEN, source='ground truth', show_observed=False, show_completed=False)
    truth = frame.ground_truth
    assert np.array_equal(shown_voxels(frame, choice), (truth > 0) & (truth < 255))


def test_a_cut_room_loses_its_ceiling_but_no_furniture(frame):
    shown = shown_voxels(frame, Choice())
    labels = frame.estimate.labels
    assert not shown[labels == 1].any()
    assert shown[labels >= 5].all()
    assert 0.2 < shown[labels == 3].mean() < 0.95


def test_the_prediction_can_be_confined_to_where_the_truth_is_known(frame):
    labels = np.full_like(frame.estimate.labels, 3)
    frame = replace(frame, estimate=replace(frame.estimate, labels=labels))
    shown = shown_voxels(frame, replace(OPEN, only_known=True))
    assert np.array_equal(shown, frame.ground_truth != 255)
    assert shown_voxels(replace(frame, ground_truth=None), replace(OPEN, only_known=True)).all()


def test_where_nothing_is_known_nothing_is_drawn(frame):
    assert voxel_glb(frame, replace(OPEN, source='none')) is None
    without_truth = replace(frame, ground_truth=None)
    assert voxel_glb(without_truth, replace(OPEN, source='ground truth')) is None
    assert semantic_cloud(replace(frame, estimate=replace(frame.estimate, depth_m=None))) is None


def test_marking_completed_voxels_changes_the_mesh(frame):
    marked = voxel_glb(frame, replace(OPEN, mark_completed=True))
    plain = voxel_glb(frame, replace(OPEN, mark_completed=False))
    assert marked.count(b'"POSITION"') == 2
    assert plain.count(b'"POSITION"') == 1


def test_the_cloud_lies_before_the_camera_in_the_frame_of_the_grid(frame):
    points, colors = semantic_cloud(frame)
    assert len(points) == len(colors) == 60 * 80
    center = points.mean(axis=0)
    # 2.5 m along an optical axis that is pitched down by 0.15 rad at 1.3 m above the floor.
    assert np.allclose(center, [0, 2.5 * np.cos(0.15), 1.3 - 2.5 * np.sin(0.15)], atol=0.05)
