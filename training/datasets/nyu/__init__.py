"""
NYUv2 and NYUCAD semantic scene completion: readers, converter, statistics, augmentation.

`NyuSamples` reads every published layout; docs/datasets.md describes them. The command
`python -m training.datasets.nyu` converts the raw SSCNet release, verifies packages, prints
statistics, packs arrays and writes a small fixture.
"""

from .frames import NyuFrames
from .sample import NyuSample
from .samples import BrokenFrame, NyuArrays, NyuSamples, load_arrays
from .splits import TEST_IDS, TRAIN_IDS, hold_out

__all__ = ['TEST_IDS', 'TRAIN_IDS', 'BrokenFrame', 'NyuArrays', 'NyuFrames', 'NyuSample',
           'NyuSamples', 'hold_out', 'load_arrays']
