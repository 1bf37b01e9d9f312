"""
Synthetic scans: rooms along a corridor, walked through with an RGB-D camera.

A scan depends on its recipe alone. The rooms are those of `training.datasets.synthetic`, the
labels the eleven classes of NYUv2; splits share no seed.
"""

from .building import Building, make_building
from .scan import ScanRecipe, SyntheticScan

__all__ = ['Building', 'ScanRecipe', 'SyntheticScan', 'make_building']
