"""HHA: depth as horizontal disparity, height and angle to gravity (Gupta et al., ECCV 2014)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
# What the published encoder multiplies and adds, so that 8 bits hold what rooms have.
_INVERSE_DEPTH_SCALE_M = 310.0
_ANGLE_OFFSET_DEG = 38.0
_NORMAL_WINDOW = 5
# Gravity is refined by directions within these angles of it, alternately parallel and normal.
_ROUNDS_DEG = (45.0, 45.0, 45.0, 15.0, 15.0, 15.0)


def encode_hha(depth_m: Float, focal_length_px: float) -> NDArray[np.uint8]:
    """
    Return the (H, W, 3) uint8 encoding of a depth image in metres, 0 = unknown.

    Disparity is 310 over metres; height above the lowest point is in centimetres; 38 is added to
    the degrees between surface normal and gravity. The principal point is taken as the middle of
    the image. On a published example the first two agree to the unit but for the floor, the
    third is noisier: its normals are plain differences.
    """
    points = _points(depth_m, focal_length_px)
    is_known = depth_m > 0
    normals = _normals(points, is_known)
    up = _up(normals[is_known])
    height = points @ up
    floor = height[is_known].min() if is_known.any() else 0.0
    angle_deg = np.degrees(np.arccos(np.clip(normals @ up, -1, 1)))
    channels = np.stack([
        _INVERSE_DEPTH_SCALE_M / np.where(is_known, depth_m, np.inf), 100 * (height - floor),
        angle_deg + _ANGLE_OFFSET_DEG], axis=-1)
    encoded = np.clip(np.rint(channels), 0, 255).astype(np.uint8)
    encoded[~is_known] = 0
    return encoded


def _points(depth_m: Float, focal_length_px: float) -> Float:
    """Return (H, W, 3) points of the optical frame: x right, y down, z forward."""
    height, width = depth_m.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x = (columns - np.float32((width - 1) / 2)) / np.float32(focal_length_px) * depth_m
    y = (rows - np.float32((height - 1) / 2)) / np.float32(focal_length_px) * depth_m
    return np.stack([x, y, depth_m], axis=-1)


def _normals(points: Float, is_known: NDArray[np.bool_]) -> Float:
    """Return unit normals towards the camera, from smoothed differences of neighbours."""
    smooth = cv2.blur(np.where(is_known[..., None], points, 0), (_NORMAL_WINDOW,) * 2)
    share = cv2.blur(is_known.astype(np.float32), (_NORMAL_WINDOW,) * 2)
    smooth = smooth / np.maximum(share, 1e-6)[..., None]
    down, right = np.gradient(smooth, axis=(0, 1))
    normals = np.cross(right, down)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12
    away = (normals * points).sum(axis=-1, keepdims=True) > 0
    return np.where(away, -normals, normals).astype(np.float32)


def _up(normals: Float) -> Float:
    """Return the direction that most normals are parallel to or at right angles with."""
    up = np.array([0, -1, 0], np.float32)
    for limit_deg in _ROUNDS_DEG:
        cosine = np.abs(normals @ up)
        parallel = normals[cosine > np.cos(np.radians(limit_deg))]
        level = normals[cosine < np.sin(np.radians(limit_deg))]
        # Walls pull gravity out of their normals, floors into theirs.
        scatter = level.T @ level - parallel.T @ parallel
        _, vectors = np.linalg.eigh(scatter.astype(np.float64))
        best = vectors[:, 0].astype(np.float32)
        up = best if best @ up > 0 else -best
    return up
