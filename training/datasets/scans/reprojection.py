"""How well the depth images of posed frames agree: the check of any calibration."""

from __future__ import annotations

import numpy as np

from ssc_ros.geometry.projection import project_points, unproject_depth
from ssc_ros.geometry.transforms import inverse_rigid, transform_points

from .frame import ScanFrame

PIXEL_STEP = 4
# What one view sees and the other has hidden behind something says nothing about calibration.
MAX_ERROR_M = 0.5


def depth_disagreement_m(source: ScanFrame, target: ScanFrame) -> float:
    """
    Return the median |difference| of target's depth to source's points seen from target.

    NaN where the views share nothing. Points that are off by more than half a metre count as
    hidden from the other view and are left out.
    """
    points = unproject_depth(source.depth_m, source.depth_camera)[::PIXEL_STEP, ::PIXEL_STEP]
    points = points.reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    T_target_source = inverse_rigid(target.T_world_camera) @ source.T_world_camera
    table = project_points(transform_points(T_target_source, points), target.depth_camera)
    u, v = table.pixels[table.in_view].T
    measured = target.depth_m[v, u]
    error = np.abs(table.depth_m[table.in_view] - measured)
    shared = error[(measured > 0) & (error < MAX_ERROR_M)]
    return float(np.median(shared)) if len(shared) else float('nan')
