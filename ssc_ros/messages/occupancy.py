"""Labelled voxels as a nav_msgs/OccupancyGrid for planners."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.geometry.transforms import make_rigid
from ssc_ros.labels import LabelSpace
from ssc_ros.labels.label_space import NO_COST
from ssc_ros.messages.classes import new_message
from ssc_ros.messages.odometry import encode_pose

UNKNOWN, FREE, LETHAL = -1, 0, 100
BAND_PATTERN = re.compile(
    r'(?P<name>[a-z][a-z0-9_]*):(?P<low>-?\d+(\.\d+)?):(?P<high>-?\d+(\.\d+)?)')


@dataclass(frozen=True, slots=True)
class HeightBand:
    """Heights in the voxel frame, metres, in which matter is an obstacle."""

    minimum_m: float
    maximum_m: float

    def __post_init__(self) -> None:
        if not self.minimum_m < self.maximum_m:
            raise ConfigurationError(
                f'height band {self.minimum_m} to {self.maximum_m} m is empty: '
                'the minimum must lie below the maximum')


def parse_bands(texts: Iterable[str]) -> dict[str, HeightBand]:
    """
    Return height bands by name.

    Args:
        texts: ``name:minimum:maximum``, heights in metres; names as parts of topics.

    >>> parse_bands(['knees:0.3:0.6'])
    {'knees': HeightBand(minimum_m=0.3, maximum_m=0.6)}
    """
    bands: dict[str, HeightBand] = {}
    for text in texts:
        match = BAND_PATTERN.fullmatch(text)
        if match is None or match['name'] in bands:
            raise ConfigurationError(
                f'height band {text!r} cannot be used: give name:minimum:maximum in metres, each '
                'name once, of lower-case letters, digits and underscores, e.g. low:0.1:0.5')
        bands[match['name']] = HeightBand(float(match['low']), float(match['high']))
    return bands


def parse_costs(text: str) -> dict[str, int]:
    """
    Return costs by class name.

    Args:
        text: ``name:cost`` of several classes, separated by commas; costs from 0 = free to
            100 = lethal.

    >>> parse_costs('floor mat:0, curtain:30')
    {'floor mat': 0, 'curtain': 30}
    """
    costs: dict[str, int] = {}
    for entry in filter(None, map(str.strip, text.split(','))):
        name, _, cost = (part.strip() for part in entry.rpartition(':'))
        if not name or name in costs or not cost.isdecimal() or not FREE <= int(cost) <= LETHAL:
            raise ConfigurationError(
                f'class cost {entry!r} cannot be used: give name:cost, each name once, with costs '
                f'from {FREE} = free to {LETHAL} = lethal, e.g. rug:0, curtain:30')
        costs[name] = int(cost)
    return costs


def class_costs(
    label_space: LabelSpace, costs: Mapping[str, int] | None = None,
) -> NDArray[np.int8]:
    """
    Return the (256,) int8 cost of every label id: -1 unknown, 0 free to 100 lethal.

    Args:
        label_space: the classes and their costs: LETHAL where it says none, FREE of the empty one;
            ids outside it cost UNKNOWN.
        costs: cost by class name, where it differs from that of the label space.

    >>> from ssc_ros.labels import load_label_space
    >>> class_costs(load_label_space('nyu12'), {'chair': 60})[:6].tolist()
    [0, 100, 0, 100, 100, 60]
    """
    table = label_space.cost_table
    known = table[:len(label_space)]
    known[known == NO_COST] = LETHAL
    if label_space.empty_id is not None:
        table[label_space.empty_id] = FREE
    for name, cost in (costs or {}).items():
        if name not in label_space.names or not UNKNOWN <= cost <= LETHAL:
            raise ConfigurationError(
                f'cost {name}: {cost} is not possible: costs are {UNKNOWN} to {LETHAL} and the '
                f'classes {", ".join(label_space.names)}')
        table[label_space.names.index(name)] = cost
    return table


def occupancy_costs(
    labels: NDArray[np.uint8],
    grid: VoxelGrid,
    costs: NDArray[np.int8],
    band: HeightBand,
    is_known: NDArray[np.bool_] | None = None,
) -> NDArray[np.int8]:
    """
    Flatten labelled voxels into (Y, X) int8 costs: the highest cost within the height band.

    Args:
        labels: (X, Y, Z) in the array order of ``grid``; the grid's z axis points up.
        costs: (256,) cost of every label, see class_costs().
        band: a voxel counts if its centre lies in it.
        is_known: (X, Y, Z) mask of voxels to trust, e.g. the observed ones; default: all.

    Returns:
        -1 where no voxel of the column is known, else 0 to 100.
    """
    voxel_costs = costs[labels]
    if is_known is not None:
        voxel_costs = np.where(is_known, voxel_costs, np.int8(UNKNOWN))
    # Array axes to spatial order y, x, z.
    axes = [grid.axes.index(axis) for axis in (1, 0, 2)]
    columns = np.transpose(voxel_costs, axes)
    heights = grid.origin_m[2] + grid.voxel_size_m * (np.arange(columns.shape[2]) + 0.5)
    in_band = (heights >= band.minimum_m) & (heights <= band.maximum_m)
    flat: NDArray[np.int8] = columns[..., in_band].max(axis=2, initial=UNKNOWN)
    return flat


def encode_occupancy_grid(
    costs: NDArray[np.int8], grid: VoxelGrid, T_frame_voxel: ArrayLike, header: Any,
) -> Any:
    """
    Return a nav_msgs/OccupancyGrid.

    Args:
        costs: (Y, X) int8 from occupancy_costs().
        grid: the voxel grid they came from.
        T_frame_voxel: (4, 4) transform from the grid's frame into that of ``header``. Nav2's
            static layer ignores rotation: give it a grid whose axes are those of the frame.
        header: std_msgs/Header.
    """
    corner = make_rigid(np.eye(3), [grid.origin_m[0], grid.origin_m[1], 0.0])
    height, width = costs.shape
    info = new_message(
        'nav_msgs/MapMetaData', map_load_time=header.stamp, resolution=float(grid.voxel_size_m),
        width=width, height=height, origin=encode_pose(np.asarray(T_frame_voxel) @ corner))
    data = array('b')
    data.frombytes(np.ascontiguousarray(costs, np.int8).tobytes())
    return new_message('nav_msgs/OccupancyGrid', header=header, info=info, data=data)


def decode_occupancy_grid(msg: Any) -> NDArray[np.int8]:
    """Return the (Y, X) int8 costs of a nav_msgs/OccupancyGrid."""
    return np.array(msg.data, np.int8).reshape(int(msg.info.height), int(msg.info.width))
