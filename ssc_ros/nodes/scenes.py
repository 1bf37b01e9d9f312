"""A scene ready to be sent: the estimate, its pose, and masks that several outputs share."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import SceneEstimate
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.occupancy import FREE, HeightBand, class_costs, occupancy_costs, parse_costs
from ssc_ros.messages.voxels import occupied_mask
from ssc_ros.nodes.settings import OutputParameters
from ssc_ros.nodes.temporal_fusion import FusedScene

UPRIGHT_TOLERANCE = 1e-3


class Scene:
    """
    One estimate with what is needed to encode it; everything is computed at first use.

    Attributes:
        T_world_camera: (4, 4) pose of the optical frame in a z-up world with its floor at z = 0.
        fused: what is known of this frame and those before, None where they are not fused.
    """

    def __init__(
        self, estimate: SceneEstimate, T_world_camera: NDArray[np.float64],
        parameters: OutputParameters, fused: FusedScene | None = None,
    ) -> None:
        self.estimate = estimate
        self.T_world_camera = T_world_camera
        self.parameters = parameters
        self.fused = fused

    @cached_property
    def header(self) -> Any:
        """std_msgs/Header with the stamp of the image and the optical frame."""
        return make_header(self.estimate.stamp_ns, self.estimate.frame_id)

    @cached_property
    def T_world_voxel(self) -> NDArray[np.float64]:
        """(4, 4) transform from the voxel frame into the world."""
        result: NDArray[np.float64] = self.T_world_camera @ self.estimate.T_camera_voxel
        return result

    @cached_property
    def is_kept(self) -> NDArray[np.bool_]:
        """(X, Y, Z) mask of matter of sufficient confidence."""
        estimate = self.estimate
        is_kept = occupied_mask(estimate.labels, estimate.label_space)
        if self.parameters.min_confidence > 0:
            is_kept &= estimate.confidence >= self.parameters.min_confidence
        return is_kept

    @cached_property
    def height_m(self) -> NDArray[np.float64]:
        """(X, Y, Z) height of every voxel centre above the floor."""
        grid, row = self.estimate.grid, self.T_world_voxel[2]
        height = np.full(grid.shape, row[3])
        for array_axis, axis in enumerate(grid.axes):
            length = grid.shape[array_axis]
            centers = grid.origin_m[axis] + grid.voxel_size_m * (np.arange(length) + 0.5)
            shape = [1, 1, 1]
            shape[array_axis] = length
            height += row[axis] * centers.reshape(shape)
        return height

    @cached_property
    def is_trusted(self) -> NDArray[np.bool_]:
        """(X, Y, Z) mask of what a robot may rely on, free or not: completions must be certain."""
        estimate, values = self.estimate, self.parameters
        is_trusted = estimate.confidence > 0
        is_trusted &= estimate.observed | (
            estimate.confidence >= values.completed_min_confidence)
        is_trusted &= self.is_kept | ~occupied_mask(estimate.labels, estimate.label_space)
        return is_trusted

    @cached_property
    def is_obstacle(self) -> NDArray[np.bool_]:
        """(X, Y, Z) mask of trusted matter within the height band that is not free to cross."""
        values = self.parameters
        in_band = ((self.height_m >= values.obstacle_min_height_m)
                   & (self.height_m <= values.obstacle_max_height_m))
        is_hindrance: NDArray[np.bool_] = (self._costs != FREE)[self.estimate.labels]
        return self.is_kept & self.is_trusted & in_band & is_hindrance

    @cached_property
    def _costs(self) -> NDArray[np.int8]:
        return class_costs(
            self.estimate.label_space, parse_costs(self.parameters.class_costs))

    def occupancy(self, band: HeightBand | None = None) -> NDArray[np.int8]:
        """
        Return (Y, X) int8 costs of the columns within a height band.

        Args:
            band: heights above the floor; default: that of the obstacles.

        Raises:
            ConfigurationError: the voxel frame does not stand upright (TartanAir's box).
        """
        if abs(self.T_world_voxel[2, 2] - 1) > UPRIGHT_TOLERANCE:
            raise ConfigurationError(
                'the voxel box of this network is not z-up, so that it has no occupancy grid: '
                'use ~/nav/obstacles instead')
        values, offset = self.parameters, float(self.T_world_voxel[2, 3])
        band = band or HeightBand(values.obstacle_min_height_m, values.obstacle_max_height_m)
        estimate = self.estimate
        return occupancy_costs(
            estimate.labels, estimate.grid, self._costs,
            HeightBand(band.minimum_m - offset, band.maximum_m - offset),
            is_known=self.is_trusted)
