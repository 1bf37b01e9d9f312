"""Settings of the ray-caster."""

from __future__ import annotations

from typing import Any

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.s4r.rendering_config import SPSG_RENDERING, RenderingConfig


@pytest.mark.parametrize(('options', 'message'), [
    ({'gather': 'cubic'}, "gather is 'cubic': choose one of trilinear, nearest"),
    ({'backend': 'cuda'}, 'choose one of auto, torch, triton'),
    ({'step_voxels': 1.1}, 'at most 1'),
    ({'step_voxels': 0.0}, 'more than 0'),
    ({'nearest_m': 2.0, 'farthest_m': 1.0}, 'below the farthest'),
    ({'refinements': 0}, 'refinements is 0'),
    ({'averaged_pixels': 0}, 'averaged_pixels is 0'),
])
def test_refuses_what_is_impossible(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        RenderingConfig(**options)


def test_spsg_sees_both_sides_and_averages_up_to_64_pixels() -> None:
    assert not SPSG_RENDERING.front_only
    assert SPSG_RENDERING.averaged_pixels == 64
    assert (SPSG_RENDERING.gather, SPSG_RENDERING.reduce) == ('nearest', 'mean')
