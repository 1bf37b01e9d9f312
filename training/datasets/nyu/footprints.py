"""Which voxel each pixel of a frame shows, and its depth, where one pixel per voxel is known."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.placement import BoxPlacement

from .conventions import NO_PIXEL, NO_VOXEL
from .poses import depth_in_voxels

# Corners of a voxel, in units of its edge.
_CORNERS = np.indices((2, 2, 2)).reshape(3, -1).T
_NEAREST_M = 0.1


def voxel_footprints(
    pixel_of_voxel: NDArray[np.int64], camera: PinholeCamera, placement: BoxPlacement,
) -> NDArray[np.int32]:
    """
    Guess the voxel of every pixel where only one pixel per voxel is known.

    A visible voxel covers its outline in the image, but no pixel behind its known one, which is
    the last in reading order. Of several that cover a pixel the one whose known pixel is nearest
    wins. On the one frame of NYUv2 with published depth, 66 % of the pixels get their voxel and
    97 % that or one beside it.

    Args:
        pixel_of_voxel: (N,) row * W + column, H * W = the voxel is not visible.

    Returns:
        (H, W) flat voxel, -1 = none.
    """
    result = np.full(camera.size, NO_VOXEL, np.int32)
    distance = np.full(camera.size, np.iinfo(np.int32).max, np.int32)
    voxels = np.flatnonzero(pixel_of_voxel != NO_PIXEL)
    corners, is_ahead = _projected_corners(voxels, camera, placement)
    rows, columns = np.divmod(pixel_of_voxel[voxels], camera.width)
    for place in np.flatnonzero(is_ahead):
        last = int(rows[place]), int(columns[place])
        _paint(result, distance, corners[place], last, int(voxels[place]))
    result[rows, columns] = voxels
    return result


def footprint_depth(
    voxels: NDArray[np.int32], camera: PinholeCamera, placement: BoxPlacement,
) -> NDArray[np.float32]:
    """
    Return the (H, W) metres that the voxels of pixels imply, 0 = unknown.

    Each is the middle of the ray's way through its voxel: within half a voxel's diagonal of the
    measurement where the voxel is right.
    """
    pixels = np.flatnonzero(voxels != NO_VOXEL)
    return depth_in_voxels(pixels, voxels.ravel()[pixels].astype(np.int64), camera, placement)


def _projected_corners(
    voxels: NDArray[np.int64], camera: PinholeCamera, placement: BoxPlacement,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return (n, 8, 2) column and row of the corners of voxels, and which lie ahead, (n,)."""
    grid = placement.grid
    indices = np.stack(np.unravel_index(voxels, grid.shape), axis=1)[:, None] + _CORNERS
    points = np.asarray(grid.origin_m) + grid.voxel_size_m * indices[..., np.argsort(grid.axes)]
    rotation, translation = placement.T_camera_voxel[:3, :3], placement.T_camera_voxel[:3, 3]
    x, y, z = np.moveaxis(points @ rotation.T + translation, -1, 0)
    ahead = np.maximum(z, _NEAREST_M)
    pixels = np.stack([camera.fx * x / ahead + camera.cx, camera.fy * y / ahead + camera.cy], -1)
    # Far outside the image all places are alike, and OpenCV wants small integers.
    return np.rint(pixels.clip(-9999, 9999)).astype(np.int32), z.min(axis=1) > _NEAREST_M


def _paint(
    image: NDArray[np.int32], distance: NDArray[np.int32], corners: NDArray[np.int32],
    last: tuple[int, int], voxel: int,
) -> None:
    """Fill the outline of a voxel, up to its last pixel, where that is the nearest so far."""
    height, width = image.shape
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0) + 1
    left, top = max(int(left), 0), max(int(top), 0)
    right, bottom = min(int(right), width), min(int(bottom), last[0] + 1, height)
    if left >= right or top >= bottom:
        return
    outline = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillConvexPoly(outline, cv2.convexHull(corners - (left, top)), 1)
    if bottom == last[0] + 1:
        outline[-1, max(last[1] + 1 - left, 0):] = 0
    part = slice(top, bottom), slice(left, right)
    squared = np.add.outer(
        np.square(np.arange(top, bottom, dtype=np.int32) - last[0]),
        np.square(np.arange(left, right, dtype=np.int32) - last[1]))
    wins = (outline > 0) & (squared < distance[part])
    np.copyto(distance[part], squared, where=wins)
    np.copyto(image[part], np.int32(voxel), where=wins)
