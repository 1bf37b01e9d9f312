"""A small furnished room that the viewer's tests look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ssc_ros.frames import SceneEstimate, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.placement import BoxPlacement, nyu_placement
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.labels import load_label_space
from ssc_ros.viewer import RecordedFrame, Recording

CAMERA = PinholeCamera(fx=129.7, fy=129.7, cx=79.5, cy=59.5, height=120, width=160)
NAMES = {name: index for index, name in enumerate(load_label_space('nyu12').names)}
# (class, x, y and z range in metres); later boxes overwrite earlier ones. y = 0 is the camera.
FURNITURE = (
    ('bed', (-1.9, -0.3), (3.6, 5.5), (0.0, 0.5)),
    ('furn', (-1.9, -0.3), (5.4, 5.6), (0.0, 1.0)),
    ('objs', (-1.6, -0.9), (5.0, 5.4), (0.5, 0.65)),
    ('sofa', (1.3, 2.1), (1.6, 3.4), (0.0, 0.45)),
    ('sofa', (1.9, 2.1), (1.6, 3.4), (0.0, 0.9)),
    ('table', (0.1, 0.9), (2.2, 3.2), (0.4, 0.48)),
    ('table', (0.4, 0.6), (2.6, 2.8), (0.0, 0.4)),
    ('chair', (-0.7, -0.25), (2.3, 2.8), (0.36, 0.45)),
    ('chair', (-0.7, -0.6), (2.3, 2.8), (0.0, 0.9)),
    ('furn', (0.6, 2.0), (5.2, 5.6), (0.0, 0.6)),
    ('tvs', (0.8, 1.8), (5.4, 5.5), (0.7, 1.3)),
    ('objs', (0.3, 0.45), (2.5, 2.65), (0.48, 0.7)),
)


def _placement() -> BoxPlacement:
    """Return the NYU box of a level camera 1.3 m above the floor."""
    return nyu_placement(level_camera_pose(height_m=1.3, pitch_rad=0.15))


def _ground_truth() -> NDArray[np.uint8]:
    """Return the (60, 36, 60) labels of the room; 255 outside its walls."""
    grid = _placement().grid
    x, y, z = grid.centers().T
    labels = np.zeros(grid.num_voxels, np.uint8)
    for name, *ranges in FURNITURE:
        inside = np.ones_like(labels, bool)
        for values, (low, high) in zip((x, y, z), ranges, strict=True):
            inside &= (values >= low) & (values < high)
        labels[inside] = NAMES[name]
    labels[z < 0.04] = NAMES['floor']
    labels[z > 2.5] = NAMES['ceiling']
    labels[(np.abs(x) > 2.1) | (y > 5.58)] = NAMES['wall']
    labels[(y > 5.58) & (np.abs(x + 0.2) < 0.5) & (np.abs(z - 1.6) < 0.45)] = NAMES['window']
    labels[(np.abs(x) > 2.22) | (y > 5.7) | (z > 2.62)] = 255
    return labels.reshape(grid.shape)


def _estimate(*, stamp_ns: int = 1_000_000_000, seed: int = 0) -> SceneEstimate:
    """Return a prediction that errs in some places, with the near half observed."""
    generator = np.random.default_rng(seed)
    truth, box = _ground_truth(), _placement()
    labels = np.where(truth == 255, 0, truth).astype(np.uint8)
    shifted = np.roll(labels, 1, axis=0)
    labels = np.where(generator.random(labels.shape) < 0.06, shifted, labels)
    image_labels = np.repeat(np.arange(120, dtype=np.uint8)[:, None] // 10, 160, axis=1)
    return SceneEstimate(
        labels=labels, confidence=generator.random(labels.shape).astype(np.float32),
        observed=box.grid.centers()[:, 1].reshape(labels.shape) < 3.6,
        grid=box.grid, T_camera_voxel=box.T_camera_voxel, camera=CAMERA,
        label_space=load_label_space('nyu12'), image_labels=image_labels,
        depth_m=np.full(CAMERA.size, 2.5, np.float32), stamp_ns=stamp_ns,
        frame_id='stereo_left_optical_frame', stage_ms={'network': 12.5})


@pytest.fixture
def pair() -> StereoFrame:
    """Return a pair of gradient images."""
    rows, columns = np.mgrid[:120, :160]
    left = np.stack([columns, rows * 2, 255 - columns], axis=-1).astype(np.uint8)
    return StereoFrame(left, left[:, ::-1].copy(), StereoRig(CAMERA, CAMERA, 0.12), _placement())


@pytest.fixture
def make_estimate() -> Callable[..., SceneEstimate]:
    """Return a function of ``stamp_ns`` and ``seed``."""
    return _estimate


@pytest.fixture
def ground_truth() -> NDArray[np.uint8]:
    """Return the true labels of the room."""
    return _ground_truth()


@pytest.fixture
def frame(pair: StereoFrame) -> RecordedFrame:
    """Return a frame with images and ground truth."""
    return RecordedFrame.of(_estimate(), pair, _ground_truth())


@pytest.fixture
def recording(tmp_path: Path, pair: StereoFrame) -> Recording:
    """Return a recording of three frames, the stamps 1, 2 and 3 s."""
    recording = Recording(tmp_path / 'recording')
    for seed in range(3):
        recording.append(_estimate(stamp_ns=(seed + 1) * 10**9, seed=seed), pair, _ground_truth())
    return recording
