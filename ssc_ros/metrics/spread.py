"""Scores of several seeds in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev


@dataclass(frozen=True, slots=True)
class Spread:
    """
    Mean and sample standard deviation of a score over runs that differ in their seed only.

    Attributes:
        deviation: 0 for a single run, of which no spread is known.
    """

    mean: float
    deviation: float
    runs: int

    def percent(self) -> str:
        """
        Return the score in percent, with its spread where there is one.

        >>> mean_and_spread([0.48, 0.50]).percent(), mean_and_spread([0.48]).percent()
        ('49.00 +- 1.41', '48.00')
        """
        spread = f' +- {100 * self.deviation:.2f}' if self.runs > 1 else ''
        return f'{100 * self.mean:.2f}{spread}'


def mean_and_spread(scores: Sequence[float]) -> Spread:
    """Return mean and spread of at least one score."""
    return Spread(fmean(scores), stdev(scores) if len(scores) > 1 else 0.0, len(scores))
