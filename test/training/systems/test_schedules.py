"""Tests of the learning-rate schedules."""

from __future__ import annotations

import pytest

from ssc_ros.errors import ConfigurationError
from training.options import OptimizationOptions
from training.systems.schedules import learning_rate_factor


@pytest.mark.parametrize(('epoch', 'factor'), [(0, 1), (17, 1), (18, 0.4), (24, 0.16), (30, 0.16)])
def test_the_published_schedule_falls_at_epochs_18_and_24(epoch: int, factor: float) -> None:
    assert learning_rate_factor(epoch / 30, OptimizationOptions()) == pytest.approx(factor)


def test_cosine_falls_from_warmup_to_the_final_share() -> None:
    options = OptimizationOptions(schedule='cosine', warmup=0.1, final_share=0.2)
    factors = [learning_rate_factor(step / 100, options) for step in range(101)]
    assert factors[0] == 0
    assert factors[10] == 1
    assert factors[100] == pytest.approx(0.2)
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_progress_beyond_the_end_stays_at_the_end() -> None:
    options = OptimizationOptions(schedule='cosine', final_share=0.1)
    assert learning_rate_factor(1.2, options) == pytest.approx(0.1)


def test_constant_stays() -> None:
    assert learning_rate_factor(0.7, OptimizationOptions(schedule='constant')) == 1


def test_an_unknown_schedule_is_named() -> None:
    options = OptimizationOptions(schedule='sawtooth')  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match='sawtooth'):
        learning_rate_factor(0.5, options)
