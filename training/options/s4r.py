"""What an S4R experiment learns from, with which losses and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssc_ros.errors import ConfigurationError
from training.options.common import OptimizationOptions, RunOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class S4rData:
    """
    Chunks, views and scenes as `python -m training.datasets.scans chunks` prepares them.

    Attributes:
        root: holds `train`, `val` and `test`, each with chunks/, data-frames/ and images/, the
            one that is tested also with scenes/.
        reads: volume that the network gets; the published networks get the incomplete one.
        image_labels: of real views: `pseudo`, what a segmenter said of the colour images, or
            `given`, the truth of a data set that has any.
        wrong_labels: share of the tiles of pseudo labels that are given a wrong class, to see
            how much the network leans on them.
        wrong_tile_px: edge of these tiles, in pixels of the images; 1 errs by pixels.
        segmenter: of virtual views: `colors`, a bundle of this package, or with a taxonomy a
            transformers model; the one that made the pseudo labels.
        taxonomy: of a transformers model's classes.
        view_size: (height, width) of rendered views.
        views: real views of a chunk in a step; the lists hold five.
        virtual_views: of a chunk in a step; 0 switches them off.
        augments: turn chunks about the vertical, and mirror them.
        batch_size: chunks per device.
        train_samples, val_samples: use the first so many chunks; None takes all.
        workers: loader processes; 0 loads in the training process.
        window_stride: voxels between the windows of a scene that is tested; 0 takes half one.
        protocols: by which scenes are tested, the first one gives the scores of a run.
    """

    root: str = 'data/scans'
    reads: Literal['incomplete', 'complete'] = 'incomplete'
    image_labels: Literal['pseudo', 'given'] = 'pseudo'
    wrong_labels: float = 0.0
    wrong_tile_px: int = 16
    segmenter: str = 'colors'
    taxonomy: str | None = None
    view_size: tuple[int, int] = (256, 320)
    views: int = 1
    virtual_views: int = 1
    augments: bool = True
    batch_size: int = 8
    train_samples: int | None = None
    val_samples: int | None = None
    workers: int = 4
    window_stride: int = 0
    protocols: tuple[str, ...] = ('partial_to_full', 'partial_to_partial', 'full_to_full')

    def __post_init__(self) -> None:
        if not 0 <= self.wrong_labels < 1 or self.views < 0 or self.virtual_views < 0:
            raise ConfigurationError(
                f'data.wrong_labels {self.wrong_labels} must lie in [0, 1), data.views '
                f'{self.views} and data.virtual_views {self.virtual_views} be at least 0')
        if self.wrong_tile_px < 1:
            raise ConfigurationError(
                f'data.wrong_tile_px is {self.wrong_tile_px}: choose at least 1')
        if not self.protocols:
            raise ConfigurationError('data.protocols is empty: name at least partial_to_full')


@dataclass(frozen=True, slots=True, kw_only=True)
class S4rLossConfig:
    """
    How views and volumes are judged.

    Attributes:
        depth, color, labels, virtual_labels: weights of Eq. 1 to 4, 1 in the paper.
        distance: weight of the distances in the volume; the paper gives none, this is SPSG's.
        occupancy: weight of the auxiliary occupancy, which the paper does not have.
        band_voxels: a pixel counts where the voxel nearest to its surface is predicted nearer
            than this; the paper's 3 cm.
        least_pixels: views with fewer pixels that count are left out.
        depth_limit_m: errors of depth count at most this: a surface far behind the chunk.
        masks_occluded: leave out pixels whose measured surface lies before the chunk.
        occlusion_margin_m: by at least so much.
        hole_weight: of voxels near a surface that the input lacks (SPSG).
        masks_predicted_empty: voxels that the network calls empty teach it nothing (SPSG); then
            it never learns of surfaces that it misses.
        behind_voxels: distances so far behind surfaces are learned where the complete volume has
            them; SPSG ends at 1. What is never taught there may leave the band that is rendered,
            and rays then fall through surfaces, above all through thin ones seen steeply.
        border_voxels: chunks are rendered with so many voxels added on every side, continued from
            the outermost ones; 0 in the paper. A surface needs valid voxels before and behind it,
            so that without them a ceiling in the top layer is never seen.
    """

    depth: float = 1.0
    color: float = 1.0
    labels: float = 1.0
    virtual_labels: float = 1.0
    distance: float = 0.1
    occupancy: float = 1.0
    band_voxels: float = 1.5
    least_pixels: int = 500
    depth_limit_m: float = 0.5
    masks_occluded: bool = True
    occlusion_margin_m: float = 0.06
    hole_weight: float = 5.0
    masks_predicted_empty: bool = False
    behind_voxels: float = 1.0
    border_voxels: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.behind_voxels <= 3 or self.border_voxels < 0:
            raise ConfigurationError(
                f'losses.behind_voxels {self.behind_voxels} must lie within 1 and 3, '
                f'losses.border_voxels {self.border_voxels} be at least 0')


@dataclass(frozen=True, slots=True, kw_only=True)
class S4rLosses(S4rLossConfig):
    """
    What is learned from; the defaults are those of self-supervision.

    Attributes:
        supervision: `views` learns classes and colours from images, without any truth in 3D;
            `voxels` is the supervised twin, which never renders.
        voxel_labels, voxel_colors: weights of the twin's losses on surface voxels.
        class_weights: of the twin's classes; None counts them in a part of the training chunks.
        rendering: `s4r`, exact gradients of front surfaces, or `spsg`, straight-through ones.
    """

    supervision: Literal['views', 'voxels'] = 'views'
    voxel_labels: float = 1.0
    voxel_colors: float = 1.0
    class_weights: tuple[float, ...] | None = None
    rendering: Literal['s4r', 'spsg'] = 's4r'


@dataclass(frozen=True, slots=True, kw_only=True)
class S4rOptimization(OptimizationOptions):
    """
    How the weights are found. The paper is silent; this is SPSG's Adam, and lengths are ours.

    Attributes:
        views_from: share of the steps after which views are rendered; until then only
            distances are learned, for what has no surface shows nothing.
        virtual_from: share of the steps after which virtual views are; before, the colours that
            are segmented there say little.
    """

    epochs: int = 5
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    milestones: tuple[float, ...] = (0.8,)
    decay: float = 0.1
    gradient_clip: float = 1.0
    views_from: float = 0.02
    virtual_from: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class S4rRun(RunOptions):
    """Where and how long it runs."""
