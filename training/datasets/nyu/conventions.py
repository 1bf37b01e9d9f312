"""Sizes, cameras and markers that every NYUv2 completion package shares."""

from __future__ import annotations

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import NYU_SHAPE, NYU_VOXEL_SIZE_M

GRID_SHAPE = NYU_SHAPE
VOXEL_SIZE_M = NYU_VOXEL_SIZE_M
NUM_VOXELS = GRID_SHAPE[0] * GRID_SHAPE[1] * GRID_SHAPE[2]
# Labels are annotated, and TSDFs computed, in cells a quarter as long.
SUBDIVISION = 4
FINE_SHAPE = (240, 144, 240)
NUM_CLASSES = 12

# In a converted package: how its volumes were made.
RULES_FILE = 'conversion.json'

IMAGE_SIZE = (480, 640)
NO_PIXEL = IMAGE_SIZE[0] * IMAGE_SIZE[1]
NO_VOXEL = -1

CAMERAS = {
    # With which the released TSDF and Mapping files were made; pixels count from 0.
    'nyu': PinholeCamera(518.8579, 519.4696, 325.58, 253.74, *IMAGE_SIZE),
    # Song et al., SSCNet, CVPR 2017; also DDRNet and camera-only systems.
    'sscnet': PinholeCamera(518.8579, 518.8579, 320.0, 240.0, *IMAGE_SIZE),
}
