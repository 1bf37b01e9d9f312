"""
Labelled images for networks that label pixels: NYUv2-40, SUN RGB-D-37 and synthetic rooms.

Labels are official ids: 0 = unlabelled, classes from 1 on.
"""

from .image import LabelledImage, LabelledImages
from .nyu import NyuImages
from .rooms import RoomImages
from .sunrgbd import SunImages

__all__ = ['LabelledImage', 'LabelledImages', 'NyuImages', 'RoomImages', 'SunImages']
