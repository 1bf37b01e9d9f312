"""Draw the golden picture: python test/viewer/golden/make_overview.py writes overview.png."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.labels import load_label_space
from ssc_ros.viewer.drawing import Picture, save_png
from ssc_ros.viewer.pictures import voxel_picture
from ssc_ros.viewer.viewpoint import Heading, cut_away, overview

GOLDEN = Path(__file__).with_name('overview.png')
SIZE = (180, 200)


def render() -> Picture:
    """Return a view into a room of 12 x 12 x 8 voxels with bed and table, half of it striped."""
    space = load_label_space('nyu12')
    ids = {name: index for index, name in enumerate(space.names)}
    labels = np.zeros((12, 12, 8), np.uint8)
    labels[2:6, 6:11, 1:3] = ids['bed']
    labels[8:11, 4:8, 2] = ids['table']
    labels[9, 5, 1] = ids['table']
    labels[:, :, 0], labels[:, :, 7] = ids['floor'], ids['ceiling']
    labels[0], labels[11], labels[:, 11] = (ids['wall'],) * 3
    labels[4:8, 11, 3:6] = ids['window']
    grid = VoxelGrid((-0.6, 0.0, 0.0), 0.1, labels.shape)
    heading = Heading(up=np.array([0.0, 0.0, 1.0]), forward=np.array([0.0, 1.0, 0.0]))
    shown = labels > 0
    aspect = SIZE[1] / SIZE[0]
    forward = overview(grid, heading, shown, aspect=aspect).axes[2]
    shown &= ~cut_away(labels, grid, space, heading, forward)
    is_hatched = np.broadcast_to(np.arange(12)[:, None, None] < 5, labels.shape)
    return voxel_picture(
        labels, grid, space, overview(grid, heading, shown, aspect=aspect), is_shown=shown,
        is_hatched=is_hatched, size=SIZE)


if __name__ == '__main__':
    save_png(render(), GOLDEN)
