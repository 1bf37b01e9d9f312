"""Tests of the fusion of estimates over time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import SceneEstimate
from ssc_ros.fusion.temporal_map import TemporalMap
from ssc_ros.fusion.temporal_settings import TemporalSettings
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import make_rigid
from ssc_ros.labels import load_label_space

SPACE = load_label_space('semantic_kitti20')
CAR, PERSON, BUILDING = (SPACE.names.index(name) for name in ('car', 'person', 'building'))
EMPTY = SPACE.empty_id
CAMERA = PinholeCamera(50.0, 50.0, 31.5, 23.5, 48, 64)
SIZE_M = 0.5
GRID = VoxelGrid((0.0, 0.0, 0.0), SIZE_M, (4, 4, 2))
SETTINGS = TemporalSettings(radius_m=10.0, low_m=-1.0, high_m=3.0, half_life_s=10.0)
SECOND_NS = 1_000_000_000


def make_estimate(label, *, observed, confidence=0.8, stamp_s=0.0, grid=GRID):
    """Return an estimate all of whose voxels say the same."""
    return SceneEstimate(
        labels=np.full(grid.shape, label, np.uint8),
        confidence=np.full(grid.shape, confidence, np.float32),
        observed=np.full(grid.shape, observed), grid=grid, T_camera_voxel=np.eye(4),
        camera=CAMERA, label_space=SPACE, stamp_ns=100 * SECOND_NS + round(stamp_s * SECOND_NS))


class Fused:
    """A map and what its first voxel holds."""

    def __init__(self, settings=SETTINGS):
        self.map = TemporalMap(SPACE, SIZE_M, settings)
        self.stamp_s = 0.0

    def see(self, label, *, observed=True, times=1, after_s=0.1, **options):
        for _ in range(times):
            self.stamp_s += after_s
            self.map.integrate(make_estimate(
                label, observed=observed, stamp_s=self.stamp_s, **options), np.eye(4))

    @property
    def label(self):
        return int(self.map.sample(GRID, np.eye(4))[0][0, 0, 0])

    @property
    def is_observed(self):
        return bool(self.map.sample(GRID, np.eye(4))[1][0, 0, 0])

    def wait(self, seconds):
        """Let time pass with a frame that tells nothing."""
        self.stamp_s += seconds
        self.map.integrate(make_estimate(
            255, observed=False, stamp_s=self.stamp_s), np.eye(4))


@pytest.fixture
def fused():
    return Fused()


def test_one_frame_is_shown_as_it_is(fused):
    fused.see(CAR)
    shown = fused.map.voxels()
    assert len(shown.labels) == GRID.num_voxels
    assert set(shown.labels.tolist()) == {CAR} and shown.observed.all()
    expected = GRID.centers()
    assert {tuple(point) for point in shown.points.round(6).tolist()} == {
        tuple(point) for point in expected.round(6).tolist()}


def test_unknown_voxels_do_not_vote(fused):
    fused.see(255)
    fused.see(CAR, confidence=0.0)
    assert fused.label == 255 and len(fused.map.voxels().labels) == 0


def test_the_class_with_most_votes_wins_and_certainty_counts(fused):
    fused.see(CAR, times=3)
    fused.see(PERSON, times=2)
    assert fused.label == CAR
    fused.see(BUILDING, confidence=1.0, times=3)
    assert fused.label == BUILDING


class TestObservedOutranksCompleted:
    def test_no_number_of_completions_changes_what_was_measured(self, fused):
        fused.see(CAR)
        before = fused.map.evidence.log_odds.copy()
        fused.see(EMPTY, observed=False, confidence=1.0, times=50, after_s=0.0)
        fused.see(PERSON, observed=False, confidence=1.0, times=50, after_s=0.0)
        assert fused.label == CAR and fused.is_observed
        np.testing.assert_array_equal(fused.map.evidence.log_odds, before)

    def test_one_measurement_outranks_all_completions_before(self, fused):
        fused.see(BUILDING, observed=False, confidence=1.0, times=50)
        assert fused.label == BUILDING and not fused.is_observed
        fused.see(CAR, confidence=0.5)
        assert fused.label == CAR and fused.is_observed

    def test_measured_free_space_clears_a_completion_at_once(self, fused):
        fused.see(BUILDING, observed=False, confidence=1.0, times=50)
        fused.see(EMPTY, confidence=0.5)
        assert fused.label == EMPTY and len(fused.map.voxels().labels) == 0

    def test_measured_free_space_clears_a_measurement_after_a_bounded_time(self, fused):
        fused.see(CAR, confidence=1.0, times=1000)
        fused.see(EMPTY, confidence=1.0, times=5)
        assert fused.label == EMPTY

    def test_completions_count_again_when_the_measurement_has_faded(self, fused):
        fused.see(PERSON)
        fused.wait(100.0)
        fused.see(BUILDING, observed=False)
        assert fused.label == BUILDING and not fused.is_observed

    @given(votes=st.lists(st.tuples(
        st.sampled_from([EMPTY, CAR, PERSON]), st.booleans(), st.floats(0.1, 1.0)), max_size=12))
    def test_the_measurements_alone_decide_whatever_was_completed_between_them(self, votes):
        everything, measured = Fused(), Fused()
        for label, observed, confidence in votes:
            everything.see(label, observed=observed, confidence=confidence, after_s=0.0)
            if observed:
                measured.see(label, confidence=confidence, after_s=0.0)
        if any(observed for _, observed, _ in votes):
            assert everything.label == measured.label or not everything.is_observed


class TestFading:
    def test_people_fade_long_before_buildings(self, fused):
        people, houses = fused, Fused()
        for each, label in ((people, PERSON), (houses, BUILDING)):
            each.see(label, times=5)
            each.wait(10.0)
        assert people.label == 255 and houses.label == BUILDING
        houses.wait(10_000.0)
        assert houses.label == 255

    def test_evidence_halves_in_the_half_life_times_the_persistence_of_its_class(self, fused):
        fused.see(CAR, times=4)
        before = np.log(fused.map.voxels().confidence / (1 - fused.map.voxels().confidence))
        fused.wait(10.0 * SPACE.persistence_table[CAR])
        after = np.log(fused.map.voxels().confidence / (1 - fused.map.voxels().confidence))
        np.testing.assert_allclose(after, before / 2, rtol=1e-3)

    def test_fading_does_not_depend_on_the_frames_between(self):
        often, seldom = Fused(), Fused()
        for each in (often, seldom):
            each.see(CAR, times=4)
        for _ in range(20):
            often.wait(0.1)
        seldom.wait(2.0)
        np.testing.assert_allclose(
            often.map.voxels().confidence, seldom.map.voxels().confidence, rtol=1e-4)

    def test_a_class_that_returns_starts_from_nothing_after_free_space(self, fused):
        fused.see(PERSON, times=6)
        fused.see(EMPTY, times=10)
        fused.see(CAR, times=5)
        assert fused.label == CAR

    def test_without_half_life_nothing_fades(self):
        fused = Fused(TemporalSettings(radius_m=10.0, low_m=-1.0, high_m=3.0, half_life_s=0.0))
        fused.see(PERSON)
        fused.wait(100_000.0)
        assert fused.label == PERSON


class TestMoving:
    def test_memory_does_not_grow_and_what_is_left_behind_is_forgotten(self):
        fused = TemporalMap(SPACE, SIZE_M, SETTINGS)
        size = fused.num_bytes
        for step in range(60):
            T_world_camera = make_rigid(np.eye(3), [step, 0.0, 0.0])
            fused.integrate(make_estimate(CAR, observed=True, stamp_s=step / 10), T_world_camera)
        shown = fused.voxels().points
        assert fused.num_bytes == size
        assert shown[:, 0].min() > 59 - 10 - 5 and shown[:, 0].max() == pytest.approx(60.75)

    def test_a_point_of_the_world_keeps_its_label_while_the_window_moves(self):
        fused = Fused()
        fused.see(BUILDING)
        for step in range(9):
            pose = make_rigid(np.eye(3), [step, 0, 0])
            fused.map.integrate(make_estimate(255, observed=False, stamp_s=0.2), pose)
        assert fused.label == BUILDING

    def test_reset_forgets_all_and_lets_time_begin_anew(self, fused):
        fused.see(CAR, times=3)
        fused.map.reset()
        assert fused.label == 255 and fused.map.stamp_ns is None
        fused.map.integrate(make_estimate(PERSON, observed=True, stamp_s=-50.0), np.eye(4))
        assert fused.label == PERSON


def test_cells_may_lie_in_the_layers_of_the_estimates():
    grid = VoxelGrid((0.0, 0.0, -0.2), SIZE_M, (4, 4, 2))
    labels = np.full(grid.shape, CAR, np.uint8)
    labels[:, :, 1] = BUILDING
    estimate = SceneEstimate(
        labels=labels, confidence=np.ones(grid.shape, np.float32),
        observed=np.ones(grid.shape, np.bool_), grid=grid, T_camera_voxel=np.eye(4),
        camera=CAMERA, label_space=SPACE)
    fused = TemporalMap(SPACE, SIZE_M, SETTINGS, origin_m=(0.0, 0.0, 0.3))
    fused.integrate(estimate, np.eye(4))
    shown = fused.voxels()
    assert len(shown.labels) == grid.num_voxels
    heights = {label: set(shown.points[shown.labels == label, 2].round(6).tolist())
               for label in (CAR, BUILDING)}
    assert heights == {CAR: {0.05}, BUILDING: {0.55}}


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigurationError, match='must lie below'):
        TemporalSettings(low_m=1.0, high_m=0.0)
    with pytest.raises(ConfigurationError, match='must be positive'):
        TemporalSettings(observed_weight=0.0)


def test_a_label_space_of_images_is_refused():
    with pytest.raises(ConfigurationError, match='no empty class'):
        TemporalMap(load_label_space('nyu40'), 0.08)
