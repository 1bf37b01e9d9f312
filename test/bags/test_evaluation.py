"""Scores add up frame by frame, and a killed evaluation goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.bags.evaluation import (
    Evaluation,
    EvaluationLog,
    FrameResult,
    duration_summary,
    median_stages,
    write_json,
)
from ssc_ros.errors import DataError
from ssc_ros.labels import load_label_space
from ssc_ros.metrics import CompletionCounts

SPACE = load_label_space('nyu12')


def volumes(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 12, (4, 5, 6)).astype(np.uint8)
    truth[0] = 255
    return random.integers(0, 12, (4, 5, 6)).astype(np.uint8), truth


def test_frames_add_up_to_the_scores_of_the_whole() -> None:
    evaluation, counts = Evaluation(SPACE), CompletionCounts(12)
    for seed in range(3):
        evaluation.add(*volumes(seed))
        counts.update(*volumes(seed))
    assert evaluation.as_dict() == {
        'frames_scored': 3, 'label_space': 'nyu12', **counts.scores().as_dict(SPACE.names)}
    assert 'SSC mIoU' in evaluation.table()


def test_scores_of_resumed_counts_are_the_same() -> None:
    direct, resumed = Evaluation(SPACE), Evaluation(SPACE)
    for seed in range(2):
        resumed.add_confusion(np.array(direct.add(*volumes(seed)).tolist()))
    assert resumed.as_dict() == direct.as_dict()


def test_counts_of_another_label_space_are_refused() -> None:
    with pytest.raises(DataError, match='nyu12 has 12 classes'):
        Evaluation(SPACE).add_confusion(np.zeros((3, 3), np.int64))


def test_a_log_is_resumed_only_for_the_same_subject(tmp_path: Path) -> None:
    path, result = tmp_path / 'frames.jsonl', FrameResult(7, 1.5, {'network': 1.0}, [[1, 2]])
    log = EvaluationLog(path, {'weights': 'a'})
    log.append(result)
    log.close()
    again = EvaluationLog(path, {'weights': 'a'})
    assert again.results == [result]
    again.close()
    other = EvaluationLog(path, {'weights': 'b'})
    assert other.results == []
    other.close()


def test_half_a_line_of_a_killed_evaluation_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / 'frames.jsonl'
    log = EvaluationLog(path, {})
    log.append(FrameResult(7, 1.0))
    log.close()
    path.write_text(path.read_text() + '{"stamp_ns": 8, "laten')
    log = EvaluationLog(path, {})
    log.append(FrameResult(9, 1.0))
    log.close()
    log = EvaluationLog(path, {})
    assert [result.stamp_ns for result in log.results] == [7, 9]
    log.close()


def test_durations_are_summarised() -> None:
    assert duration_summary([1.0, 3.0]) == {'p50': 2.0, 'p95': pytest.approx(2.9)}
    assert duration_summary([]) == {}
    assert median_stages([{'a': 1.0}, {'a': 3.0, 'b': 5.0}]) == {'a': 2.0, 'b': 5.0}


def test_json_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / 'deep' / 'report.json'
    write_json(path, {'a': 1})
    write_json(path, {'a': 2})
    assert json.loads(path.read_text()) == {'a': 2}
    assert [item.name for item in path.parent.iterdir()] == ['report.json']
