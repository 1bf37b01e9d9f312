"""
Synthetic rooms with the NYU classes: stereo pairs, exact depth, labels and voxels.

A room depends on its domain (procedural, furniture), split, index and image size alone. Its seed
is the first seed of the split (train 0, val 1,000,000, test 2,000,000) plus its index; a set keeps
it as SPLIT/SEED.npz. Voxels are voted from exact 0.02 m cells by the rule of the NYU benchmark:
empty where more than 95 % of the cells are empty or outside, else the most frequent class.
Solid bodies count as occupied throughout; walls and ceiling are 0.1 m thick; 255 lies beyond.
"""

from .generate import SPLITS, RoomRecipe, generate, make_room, make_sequence, room_path
from .room import Room, load_room, save_room

__all__ = ['SPLITS', 'Room', 'RoomRecipe', 'generate', 'load_room', 'make_room', 'make_sequence',
           'room_path', 'save_room']
