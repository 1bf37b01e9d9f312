"""Synthetic rooms with the NYU classes: stereo pairs, exact depth, labels and voxels."""

from .generate import SPLITS, RoomRecipe, generate, make_room, make_sequence, room_path
from .room import Room, load_room, save_room

__all__ = ['SPLITS', 'Room', 'RoomRecipe', 'generate', 'load_room', 'make_room', 'make_sequence',
           'room_path', 'save_room']
