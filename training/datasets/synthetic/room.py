"""One rendered room with its truth, in memory and on disk."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.placement import BoxPlacement, nyu_placement

FRAME_ID = 'stereo_left_optical_frame'
FORMAT_VERSION = 1
_JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """
    One stereo view of a synthetic room and everything that is true about it.

    Attributes:
        left, right: (H, W, 3) uint8 RGB, rectified.
        depth_m: (H, W) float32 z-depth of the left eye, exact to the millimetre; 0 = nothing hit.
        image_labels: (H, W) uint8 nyu12 class of each left pixel, 255 = nothing hit.
        voxel_labels: (60, 36, 60) uint8 in (x, up, y) order; 0 = empty, 255 = outside the room.
        occlusion: same shape: 0 not in view, 1 observed free, 2 surface, 3 occluded, 4 outside.
        camera: intrinsics of both eyes; the right one is baseline_m further along camera x.
        T_world_camera: (4, 4) pose of the left optical frame; world is z up, floor z = 0.
    """

    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    image_labels: NDArray[np.uint8]
    voxel_labels: NDArray[np.uint8]
    occlusion: NDArray[np.uint8]
    camera: PinholeCamera
    baseline_m: float
    T_world_camera: NDArray[np.float64]
    domain: str
    split: str
    seed: int
    theme: str

    @property
    def rig(self) -> StereoRig:
        """The rectified stereo rig."""
        return StereoRig(self.camera, self.camera, self.baseline_m)

    @property
    def placement(self) -> BoxPlacement:
        """The voxel box the labels belong to."""
        return nyu_placement(self.T_world_camera)

    def stereo_frame(self, stamp_ns: int = 0) -> StereoFrame:
        """Return the pair as an estimator takes it."""
        return StereoFrame(self.left, self.right, self.rig, self.placement, stamp_ns, FRAME_ID)

    def rgbd_frame(self, stamp_ns: int = 0) -> RgbdFrame:
        """Return the left image with its exact depth."""
        return RgbdFrame(self.left, self.depth_m, self.camera, self.placement, stamp_ns, FRAME_ID)


def _jpeg(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    ok, data = cv2.imencode('.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR),
                            [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not ok:
        raise DataError(f'cannot encode an image of {image.dtype} {image.shape} as JPEG')
    return data.ravel()


def _from_jpeg(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.uint8)


def save_room(path: Path, room: Room) -> None:
    """Write a room as one compressed .npz, atomically: a file that exists is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.stem}.{os.getpid()}.partial')
    camera = room.camera
    with partial.open('wb') as stream:
        np.savez_compressed(
            stream, version=FORMAT_VERSION, left_jpeg=_jpeg(room.left),
            right_jpeg=_jpeg(room.right),
            depth_mm=np.round(room.depth_m * 1000).astype(np.uint16),
            image_labels=room.image_labels, voxel_labels=room.voxel_labels,
            occlusion=room.occlusion, T_world_camera=room.T_world_camera,
            intrinsics=np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
            baseline_m=room.baseline_m, domain=room.domain, split=room.split, seed=room.seed,
            theme=room.theme)
    partial.replace(path)


def load_room(path: Path | str) -> Room:
    """
    Read a room written by save_room.

    Raises:
        DataError: the file is missing, damaged or of another format.
    """
    try:
        # Opened here: numpy leaves the file open when it turns out to be damaged.
        with Path(path).open('rb') as stream, np.load(stream, allow_pickle=False) as data:
            fields = {name: data[name] for name in data.files}
        version = int(fields['version'])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise DataError(f'{path} is not a synthetic room ({error}); '
                        'generate it again with python -m training.datasets.synthetic') from error
    if version != FORMAT_VERSION:
        raise DataError(f'{path} has room format {version}, expected {FORMAT_VERSION}: '
                        'generate the set again')
    depth_mm = fields['depth_mm']
    height, width = (int(length) for length in depth_mm.shape)
    fx, fy, cx, cy = (float(value) for value in fields['intrinsics'])
    return Room(
        left=_from_jpeg(fields['left_jpeg']), right=_from_jpeg(fields['right_jpeg']),
        depth_m=(depth_mm / 1000).astype(np.float32), image_labels=fields['image_labels'],
        voxel_labels=fields['voxel_labels'], occlusion=fields['occlusion'],
        camera=PinholeCamera(fx, fy, cx, cy, height, width),
        baseline_m=float(fields['baseline_m']), T_world_camera=fields['T_world_camera'],
        domain=str(fields['domain']), split=str(fields['split']), seed=int(fields['seed']),
        theme=str(fields['theme']))
