"""Tests of arrays over a moving window."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.rolling_arrays import PlaneBox, RollingArrays

SHAPE = (2, 5, 7)
LOW, SIZE = -40, 80
STARTS = st.tuples(st.integers(-30, 25), st.integers(-30, 25))


def arrays() -> RollingArrays:
    return RollingArrays(SHAPE, {'values': (torch.int64, -1), 'flags': (torch.uint8, 0)})


def inside(box: PlaneBox) -> tuple[slice, ...]:
    """Return where a box lies in a plane that begins at LOW."""
    return (slice(None), *(slice(first - LOW, first - LOW + length)
                           for first, length in zip(box.start, box.shape, strict=True)))


@given(starts=st.lists(STARTS, min_size=1, max_size=6), where=STARTS)
def test_a_window_holds_what_was_written_since_its_voxels_entered(starts, where):
    rolling = arrays()
    plane = np.full((2, SIZE, SIZE), -1)
    for step, start in enumerate(starts):
        rolling.move_to(start)
        kept = np.full_like(plane, -1)
        kept[inside(rolling.box)] = plane[inside(rolling.box)]
        plane = kept
        box = PlaneBox((start[0] + 1, start[1] - 2), (6, 6))  # reaches out of the window
        new = np.arange(2 * 36).reshape(2, 6, 6) + 100 * step
        rolling.write(box, {'values': torch.from_numpy(new)})
        written = plane.copy()
        written[inside(box)] = new
        plane[inside(rolling.box)] = written[inside(rolling.box)]
    box = PlaneBox(where, (9, 11))
    np.testing.assert_array_equal(rolling.read(box)['values'], plane[inside(box)])
    np.testing.assert_array_equal(
        rolling.read(rolling.box)['values'], plane[inside(rolling.box)])


def test_parts_tile_the_window_and_memory_never_changes():
    rolling = arrays()
    before = rolling.memory_bytes
    rolling.move_to((-3, 9))
    parts = list(rolling.parts())
    assert len(parts) == 4 and sum(np.prod(part.shape) for part in parts) == np.prod(SHAPE)
    assert rolling.memory_bytes == before == np.prod(SHAPE) * 9


def test_a_cleared_window_is_empty():
    rolling = arrays()
    rolling.write(rolling.box, {'flags': torch.ones(SHAPE, dtype=torch.uint8)})
    assert rolling['flags'].all()
    rolling.clear()
    assert not rolling['flags'].any() and (rolling['values'] == -1).all()


def test_a_window_without_voxels_is_refused():
    with pytest.raises(ConfigurationError, match='positive'):
        RollingArrays((4, 0, 4), {})
