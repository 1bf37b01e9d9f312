"""Rooms that several tests look at, made once."""

import pytest

from training.datasets.synthetic import RoomRecipe, make_room


@pytest.fixture(scope='session')
def rooms():
    return [make_room(RoomRecipe('test', index)) for index in range(6)]
