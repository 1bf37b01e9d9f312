"""How votes of many frames are weighed and forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from ssc_ros.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class TemporalSettings:
    """
    Constants of a map that follows the robot.

    Attributes:
        radius_m: half the edge of the square window around the camera.
        low_m, high_m: heights of the window in the fixed frame.
        half_life_s: after it evidence has lost half its log-odds, for classes of persistence 1;
            0 = evidence never fades.
        observed_weight, completed_weight: log-odds of one vote of full confidence.
        max_log_odds: evidence does not grow beyond; it bounds how long a mistake lasts.
    """

    radius_m: float = 6.5
    low_m: float = -0.4
    high_m: float = 3.6
    half_life_s: float = 60.0
    observed_weight: float = 1.0
    completed_weight: float = 0.5
    max_log_odds: float = 4.0

    def __post_init__(self) -> None:
        if not self.low_m < self.high_m:
            raise ConfigurationError(
                f'the map reaches from {self.low_m} to {self.high_m} m: the lower end must lie '
                'below the upper one')
        positive = (self.radius_m, self.observed_weight, self.completed_weight, self.max_log_odds)
        if not min(positive) > 0 or self.half_life_s < 0:
            raise ConfigurationError(
                f'radius, weights and the limit of a map must be positive, the half-life at '
                f'least 0; got {self}')
