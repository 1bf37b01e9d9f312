"""
Scans: posed RGB-D frames of real data sets and of synthetic buildings, read one at a time.

Poses map the optical frame into a z-up world in metres; labels are in the scan's label space.

    python -m training.datasets.scans generate data/scans --layout scannet --count 4
    python -m training.datasets.scans chunks data/s4r --count 16 --paint classes
    python -m training.datasets.scans chunks data/s4r --scan scans/scene0000_00 --step 20
    python -m training.datasets.scans pseudo data/s4r --weights gad_small_nyu
    python -m training.datasets.scans check redwood sequences/redwood
"""

from .frame import ChainedScan, Scan, ScanFrame
from .matterport import MatterportBuilding
from .scannet import ScanNetFolder, open_scannet
from .sens import SensScan
from .sequences import open_redwood, open_seven_scenes, open_tartanair
from .spsg import ChunkPair, SpsgImages, find_chunks
from .tum import TumScan

__all__ = ['ChainedScan', 'ChunkPair', 'MatterportBuilding', 'Scan', 'ScanFrame', 'ScanNetFolder',
           'SensScan', 'SpsgImages', 'TumScan', 'find_chunks', 'open_redwood', 'open_scannet',
           'open_seven_scenes', 'open_tartanair']
