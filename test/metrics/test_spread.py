"""Tests of mean and spread over seeds."""

from __future__ import annotations

import pytest

from ssc_ros.metrics import mean_and_spread


def test_spread_is_the_sample_standard_deviation() -> None:
    spread = mean_and_spread([0.47, 0.48, 0.50])
    assert (spread.mean, spread.deviation, spread.runs) == pytest.approx((0.48333, 0.015275, 3),
                                                                        abs=1e-5)


def test_one_seed_claims_no_spread() -> None:
    assert mean_and_spread([0.4]).percent() == '40.00'
