"""Tests of when each branch learns, and from which frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from training.datasets.joint.loading import StageSampler
from training.systems.stages import (
    frames_of,
    half_of,
    plan_stages,
    rounds_done,
    run_length,
    stage_at,
)


def turns(stages) -> list[tuple[str, int, int]]:
    return [(stage.branch, stage.round, stage.member) for stage in stages]


def test_both_networks_learn_alone_and_then_in_turns(make_imenet, tmp_path: Path) -> None:
    stages = plan_stages(make_imenet(tmp_path), 1200)
    assert turns(stages) == [
        ('2d', 0, 0), ('3d', 0, 0), ('3d', 1, 0), ('2d', 1, 0), ('3d', 2, 0), ('2d', 2, 0)]
    assert [stage.start for stage in stages[1:]] == [stage.stop for stage in stages[:-1]]
    assert (stages[0].start, stages[-1].stop) == (0, 1200)


def test_a_loop_that_begins_with_pixels_turns_rounds_around(make_imenet, tmp_path: Path) -> None:
    experiment = make_imenet(tmp_path, network={'loop_order': '2d_first'})
    assert [branch for branch, number, _ in turns(plan_stages(experiment, 1200)) if number] == [
        '2d', '3d', '2d', '3d']


def test_what_is_given_is_not_learned(make_imenet, tmp_path: Path) -> None:
    experiment = make_imenet(tmp_path, network={'image_network': 'none', 'has_dcp2d': False})
    assert {stage.branch for stage in plan_stages(experiment, 100)} == {'3d'}


def test_networks_of_another_run_need_no_time_alone(make_imenet, tmp_path: Path) -> None:
    experiment = make_imenet(tmp_path, optimization={'starts_from': 'other.ckpt'})
    assert {stage.round for stage in plan_stages(experiment, 100)} == {1, 2}


def test_steps_are_shared_by_epochs(make_imenet, tmp_path: Path) -> None:
    experiment = make_imenet(tmp_path, data={'batch_size': 4, 'image_batch_size': 8},
                             optimization={
        'steps': None, 'image_epochs': 120, 'voxel_epochs': 150, 'round_image_epochs': 20,
        'round_voxel_epochs': 30})
    # 120 / 8 + 150 / 4 + 2 (30 / 4 + 20 / 4) passes of 80 frames.
    assert run_length(experiment, 80) == 1200 + 3000 + 2 * (600 + 400)
    stages = plan_stages(experiment, 6200)
    assert [stage.steps for stage in stages] == [1200, 3000, 600, 400, 600, 400]
    assert stage_at(stages, 4199) is stages[1] and stage_at(stages, 4200) is stages[2]
    assert [rounds_done(stages, step) for step in (0, 4800, 5199, 5200, 6199, 6200)] == [
        0, 0, 0, 1, 1, 2]


def test_copies_learn_from_half_of_the_frames_each(make_imenet, tmp_path: Path) -> None:
    experiment = make_imenet(tmp_path, optimization={'crossfit': True})
    stages = plan_stages(experiment, 1200)
    assert turns(stages)[:3] == [('2d', 0, 1), ('2d', 0, 2), ('2d', 0, 0)]
    assert [stage.steps for stage in stages[:3]] == pytest.approx(
        [stages[2].steps / 2, stages[2].steps / 2, stages[2].steps], abs=1)
    first, second = frames_of(1, 795), frames_of(2, 795)
    assert sorted([*first, *second]) == list(range(795))
    assert abs(len(first) - len(second)) <= 10
    assert (half_of(first) == 1).all() and np.array_equal(frames_of(0, 795), np.arange(795))


def test_unrolled_batches_count_as_rounds_at_their_end(make_imenet, tmp_path: Path) -> None:
    stages = plan_stages(make_imenet(tmp_path, optimization={'mode': 'unrolled'}), 100)
    assert turns(stages) == [('2d', 0, 0), ('3d', 0, 0), ('both', 2, 0)]
    assert [rounds_done(stages, step) for step in (stages[2].start, 99, 100)] == [0, 0, 2]


def test_too_few_steps_are_refused(make_imenet, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match='3 steps are too few for 6 stages'):
        plan_stages(make_imenet(tmp_path), 3)


def test_a_stream_that_was_cut_goes_on_as_it_would_have(make_imenet, tmp_path: Path) -> None:
    stages = plan_stages(make_imenet(tmp_path, optimization={'crossfit': True}), 120)
    whole = list(StageSampler(stages, 30, seed=1, start=0, stop=120))
    rest = list(StageSampler(stages, 30, seed=1, start=47, stop=120))
    assert len(whole) == 120 and rest == whole[47:]
    for step, batch in enumerate(whole):
        stage = stage_at(stages, step)
        assert len(batch) == stage.batch_size
        assert {draw.part for draw in batch} == {stage.branch}
        assert {draw.is_alone for draw in batch} == {stage.is_alone}
        if stage.member:
            assert {int(half_of(draw.frame)) for draw in batch} == {stage.member}


def test_processes_share_every_step(make_imenet, tmp_path: Path) -> None:
    stages = plan_stages(make_imenet(tmp_path), 24)
    parts = [list(StageSampler(stages, 30, seed=1, start=5, stop=24, rank=rank, world=2))
             for rank in range(2)]
    for step, (first, second) in enumerate(zip(*parts, strict=True), 5):
        assert len(first) == len(second) == stage_at(stages, step).batch_size
        assert not {draw.seed for draw in first} & {draw.seed for draw in second}
