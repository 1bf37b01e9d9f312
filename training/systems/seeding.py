"""Random numbers that follow from the number of a step."""

from __future__ import annotations

import numpy as np
import torch


def seed_step(seed: int, step: int, rank: int) -> None:
    """Let all that is random in a step follow from its number: a killed run resumes alike."""
    state = np.random.SeedSequence([seed, step, rank]).generate_state(1)
    torch.manual_seed(int(state[0]))
