"""Pictures of a scan as it was measured, as a network completes it, and as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.labels import IGNORE_ID, LabelSpace, load_label_space
from ssc_ros.models.s4r.inputs import TRUNCATION_VOXELS
from ssc_ros.models.s4r.processing import S4rEstimator
from ssc_ros.models.s4r.rendering import raycast
from ssc_ros.models.s4r.rendering_config import RenderingConfig
from ssc_ros.models.s4r.windows import Windowing
from ssc_ros.viewer.drawing import FAINT_INK, Sheet, draw_legend, save_png
from training.datasets.chunks.scenes import ScanScene, ScanScenes
from training.datasets.scans.frame import ScanFrame
from training.datasets.scans.spsg import SpsgImages
from training.experiment import Experiment
from training.runs import refuse_other_network

Picture = NDArray[np.uint8]

PANEL = (180, 240)
MARGIN, HEAD = 10, 28
TITLES = ('input', 'completed', 'completed classes', 'complete scan', 'true classes')
GROUND = 244
# So many frames are looked from for every row of the picture.
CANDIDATES = 4


def draw_scan(
    experiment: Experiment, estimator: S4rEstimator, *, split: str = 'test', scene: int = 0,
    views: int = 3,
) -> Path:
    """
    Draw a scene from the places of some of its frames, to the run's folder.

    Returns:
        The picture's path.

    Raises:
        ConfigurationError: the network does not complete geometry, colours and classes.
    """
    refuse_other_network(experiment, estimator.config.to_dict(), estimator.name)
    shown = ScanScenes(Path(experiment.data.root) / split)[scene]
    space = load_label_space(experiment.network.label_space)
    solids = completed_solids(estimator, shown, space, experiment.data.window_stride)
    scan = SpsgImages(shown.images)
    grid = shown.volumes['complete']
    frames = half_seen(solids[0], grid, scan, views)
    rows = [[look(solid, grid, frame) for solid in solids] for frame in frames]
    path = experiment.folder / f'{split}_{shown.name}.png'
    save_png(sheet_of(rows, f'{experiment.name}: {shown.name}', space), path)
    return path


# Distances in voxels, where they are ones, and the colour of every voxel (Z, Y, X, 3) uint8.
Solid = tuple[NDArray[np.float32], NDArray[np.bool_], Picture]


def completed_solids(
    estimator: S4rEstimator, scene: ScanScene, space: LabelSpace, stride: int = 0,
) -> list[Solid]:
    """Return what each column of the picture shows."""
    estimator.windowing = Windowing(stride=stride)
    completed = estimator(scene.volumes['incomplete'].network_input())
    if completed.tsdf_voxels is None or completed.labels is None or completed.rgb is None:
        raise ConfigurationError('a picture needs a network that completes geometry, colours and '
                                 'classes: choose another experiment')
    assert completed.near_surface is not None
    truth, labels = scene.volumes['complete'], scene.labels['complete']
    known = np.full(truth.grid.shape, IGNORE_ID, np.uint8) if labels is None else labels
    geometry = completed.tsdf_voxels, completed.near_surface
    return [
        _measured(scene.volumes['incomplete']), (*geometry, completed.rgb),
        (*geometry, space.colorize(completed.labels)), _measured(truth),
        (*_measured(truth)[:2], space.colorize(known))]


def _measured(volume: SceneVolume) -> Solid:
    tsdf = volume.tsdf_voxels
    return tsdf, np.abs(tsdf) < TRUNCATION_VOXELS, volume.rgb


def half_seen(
    solid: Solid, volume: SceneVolume, scan: SpsgImages, count: int,
) -> list[ScanFrame]:
    """Return the frames that see most nearly half of a solid: where there is something to add."""
    places = np.unique(np.linspace(0, len(scan) - 1, CANDIDATES * count).round().astype(int))
    frames = [scan.read(scan.frame_ids[place]) for place in places]
    shares = [(look(solid, volume, frame) != GROUND).any(axis=-1).mean() for frame in frames]
    chosen = np.argsort(np.abs(np.array(shares) - 0.5), kind='stable')[:count]
    return [frames[index] for index in np.sort(chosen)]


def look(solid: Solid, volume: SceneVolume, frame: ScanFrame) -> Picture:
    """Render a solid on the grid of a volume from the place of a frame."""
    tsdf, valid, colors = solid
    bounded = np.clip(tsdf, -TRUNCATION_VOXELS, TRUNCATION_VOXELS)
    camera = frame.depth_camera.resized(*PANEL)
    matrix = volume.grid.T_grid_world @ frame.T_world_camera
    shown = raycast(
        torch.tensor(bounded)[None], torch.tensor(valid)[None],
        torch.tensor(np.ascontiguousarray(np.moveaxis(colors, -1, 0)))[None].float(),
        T_grid_camera=torch.tensor(matrix, dtype=torch.float32)[None],
        intrinsics=torch.tensor([[camera.fx, camera.fy, camera.cx, camera.cy]]),
        size=PANEL, config=RenderingConfig(gather='nearest'))
    # Slopes towards the light are brighter, so that shapes can be told within one class.
    light = 0.65 + 0.35 * shown.normals_camera[0, ..., 2].abs()
    image = (shown.features[0].movedim(0, -1) * light[..., None]).where(
        shown.hit[0, ..., None], GROUND)
    picture: Picture = image.clamp(0, 255).to(torch.uint8).numpy()
    return picture


def sheet_of(rows: Sequence[Sequence[Picture]], title: str, space: LabelSpace) -> Picture:
    """Arrange pictures below their titles, the classes' colours at the foot."""
    height, width = PANEL
    total = len(TITLES) * (width + MARGIN) + MARGIN
    sheet = Sheet(2 * HEAD + len(rows) * (height + MARGIN) + 2 * HEAD, total)
    sheet.text(title, MARGIN, 6, size=17, is_bold=True)
    for column, name in enumerate(TITLES):
        sheet.text(name, MARGIN + column * (width + MARGIN), HEAD + 4, size=14, color=FAINT_INK)
    for line, row in enumerate(rows):
        for column, picture in enumerate(row):
            sheet.paste(picture, MARGIN + column * (width + MARGIN),
                        2 * HEAD + line * (height + MARGIN))
    foot = 2 * HEAD + len(rows) * (height + MARGIN) + 8
    draw_legend(sheet, space, range(len(space)), MARGIN, foot, width=total - 2 * MARGIN)
    return sheet.array()
