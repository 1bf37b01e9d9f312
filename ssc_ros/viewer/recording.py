"""
Recorded results: a folder with one npz file per frame.

    recording.json        format version and label space (names, colours), so that a recording
                          stays readable when the package's own label spaces change
    frames/000000.npz     one estimate with its images and, where known, the ground truth

Every file is written beside its place and renamed into it, so a reader never meets half a frame
and a killed writer loses at most the frame it was writing.
"""

from __future__ import annotations

import json
import logging
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera
from ssc_ros.geometry.grids import VoxelGrid
from ssc_ros.labels import LabelSpace

FORMAT_VERSION = 1
_MANIFEST = 'recording.json'
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class RecordedFrame:
    """
    What a person looks at: an estimate, the images it came from and the truth where known.

    Attributes:
        image: (H, W, 3) uint8 RGB of the estimate's camera; None when it was not recorded.
        right: the other eye of a stereo pair.
        ground_truth: label volume of the estimate's grid, 255 = unknown.
    """

    estimate: SceneEstimate
    image: NDArray[np.uint8] | None = None
    right: NDArray[np.uint8] | None = None
    ground_truth: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        truth, shape = self.ground_truth, self.estimate.grid.shape
        if truth is not None and truth.shape != shape:
            raise DataError(f'ground truth is {truth.shape} but the estimate is {shape}')

    @classmethod
    def of(
        cls, estimate: SceneEstimate, frame: StereoFrame | RgbdFrame | None,
        ground_truth: NDArray[np.uint8] | None = None,
    ) -> RecordedFrame:
        """Combine an estimate with the frame it was made from."""
        if isinstance(frame, StereoFrame):
            return cls(estimate, frame.left, frame.right, ground_truth)
        return cls(estimate, None if frame is None else frame.rgb, None, ground_truth)


class Recording:
    """
    A folder of frames that is written one by one and read in any order.

    Appending to an existing recording continues it.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._label_space: LabelSpace | None = None

    @classmethod
    def open(cls, folder: Path | str) -> Recording:
        """Open an existing recording for reading; DataError when there is none."""
        recording = cls(folder)
        if not recording._manifest_path.is_file():
            raise DataError(f'{folder} is not a recording: {_MANIFEST} is missing; '
                            '`ssc_ros demo` writes one')
        recording._label_space = recording._read_manifest()
        return recording

    def append(
        self, estimate: SceneEstimate, frame: StereoFrame | RgbdFrame | None = None,
        ground_truth: NDArray[np.uint8] | None = None,
    ) -> Path:
        """
        Write one frame and return its file.

        Images are stored losslessly, depth in whole millimetres (REP-118), confidence as float16.

        Raises:
            DataError: the recording holds another label space, or the sizes do not fit.
        """
        recorded = RecordedFrame.of(estimate, frame, ground_truth)
        self._check_label_space(estimate.label_space)
        paths = self.paths()
        index = int(paths[-1].stem) + 1 if paths else 0
        path = self.folder / 'frames' / f'{index:06d}.npz'
        _write_atomically(path, lambda file: np.savez_compressed(file, **_to_arrays(recorded)))
        return path

    def paths(self) -> list[Path]:
        """Return the frame files in order."""
        return sorted((self.folder / 'frames').glob('[0-9]*.npz'))

    def __len__(self) -> int:
        return len(self.paths())

    def frame(self, index: int) -> RecordedFrame:
        """Read one frame; DataError when its file is damaged."""
        return self._load(self.paths()[index])

    def frames(self) -> Iterator[RecordedFrame]:
        """Yield the frames in order; a damaged one is reported in the log and left out."""
        for path in self.paths():
            try:
                yield self._load(path)
            except DataError as error:
                _logger.warning('%s', error)

    @property
    def label_space(self) -> LabelSpace:
        """The label space that all frames share."""
        if self._label_space is None:
            self._label_space = self._read_manifest()
        return self._label_space

    @property
    def _manifest_path(self) -> Path:
        return self.folder / _MANIFEST

    def _load(self, path: Path) -> RecordedFrame:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return _from_arrays(dict(arrays), self.label_space)
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(f'{path} is damaged ({error}): delete it or record it again'
                            ) from error

    def _check_label_space(self, space: LabelSpace) -> None:
        if self._manifest_path.is_file():
            if (self.label_space.name, self.label_space.names) != (space.name, space.names):
                raise DataError(
                    f'{self.folder} holds frames of label space {self.label_space.name!r}, not '
                    f'{space.name!r}: record into another folder')
            return
        document = {
            'format': 'ssc_ros recording', 'version': FORMAT_VERSION,
            'label_space': {
                'name': space.name, 'names': list(space.names), 'empty_id': space.empty_id,
                'colors': space.colors.tolist()}}
        text = json.dumps(document, indent=1)
        _write_atomically(self._manifest_path, lambda file: file.write(text.encode()))
        self._label_space = space

    def _read_manifest(self) -> LabelSpace:
        try:
            document = json.loads(self._manifest_path.read_text())
            if document['version'] != FORMAT_VERSION:
                raise DataError(
                    f'{self._manifest_path} has format version {document["version"]}, this '
                    f'package reads {FORMAT_VERSION}: use the release that wrote it')
            space = document['label_space']
            colors = np.array(space['colors'], np.uint8).reshape(-1, 3)
            return LabelSpace(space['name'], tuple(space['names']), colors, space['empty_id'])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise DataError(f'{self._manifest_path} cannot be read ({error!r}): the folder is not '
                            'a recording, or its copy was cut short') from error


def _write_atomically(path: Path, write: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.partial')
    with partial.open('wb') as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _to_arrays(recorded: RecordedFrame) -> dict[str, Any]:
    estimate, camera, grid = recorded.estimate, recorded.estimate.camera, recorded.estimate.grid
    arrays: dict[str, Any] = {
        'stamp_ns': np.int64(estimate.stamp_ns),
        'frame_id': np.str_(estimate.frame_id),
        'labels': estimate.labels,
        'confidence': estimate.confidence.astype(np.float16),
        'observed': np.packbits(estimate.observed),
        'grid_origin_m': np.array(grid.origin_m), 'voxel_size_m': np.float64(grid.voxel_size_m),
        'axis_order': np.str_(grid.axis_order),
        'T_camera_voxel': estimate.T_camera_voxel,
        'camera': np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
        'camera_size': np.array(camera.size),
        'is_depth_measured': np.bool_(estimate.is_depth_measured),
        'stage_ms': np.str_(json.dumps(dict(estimate.stage_ms)))}
    for name, image in (('image', recorded.image), ('right', recorded.right)):
        if image is not None:
            arrays[name] = _encode_png(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if estimate.image_labels is not None:
        arrays['image_labels'] = _encode_png(estimate.image_labels)
    if estimate.depth_m is not None:
        millimetres = np.nan_to_num(estimate.depth_m * 1000.0, posinf=0.0, neginf=0.0)
        arrays['depth_mm'] = _encode_png(np.clip(millimetres + 0.5, 0, 65535).astype(np.uint16))
    if recorded.ground_truth is not None:
        arrays['ground_truth'] = recorded.ground_truth
    return arrays


def _from_arrays(arrays: Mapping[str, Any], label_space: LabelSpace) -> RecordedFrame:
    labels = arrays['labels']
    x, y, z = (float(value) for value in arrays['grid_origin_m'])
    grid = VoxelGrid((x, y, z), float(arrays['voxel_size_m']), labels.shape,
                     'xzy' if str(arrays['axis_order']) == 'xzy' else 'xyz')
    fx, fy, cx, cy = (float(value) for value in arrays['camera'])
    height, width = (int(value) for value in arrays['camera_size'])
    depth_mm = _decode_png(arrays, 'depth_mm')
    estimate = SceneEstimate(
        labels=labels,
        confidence=arrays['confidence'].astype(np.float32),
        observed=np.unpackbits(arrays['observed'], count=labels.size).reshape(
            labels.shape).astype(bool),
        grid=grid,
        T_camera_voxel=arrays['T_camera_voxel'],
        camera=PinholeCamera(fx, fy, cx, cy, height, width),
        label_space=label_space,
        image_labels=_decode_png(arrays, 'image_labels'),
        depth_m=None if depth_mm is None else (depth_mm / np.float32(1000)).astype(np.float32),
        is_depth_measured=bool(arrays['is_depth_measured']),
        stamp_ns=int(arrays['stamp_ns']),
        frame_id=str(arrays['frame_id']),
        stage_ms=json.loads(str(arrays['stage_ms'])))
    images = (_decode_png(arrays, name) for name in ('image', 'right'))
    image, right = (
        None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8)
        for bgr in images)
    return RecordedFrame(estimate, image, right, arrays.get('ground_truth'))


def _encode_png(image: NDArray[Any]) -> NDArray[np.uint8]:
    _, data = cv2.imencode('.png', image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return np.asarray(data, np.uint8).reshape(-1)


def _decode_png(arrays: Mapping[str, Any], name: str) -> Any:
    if name not in arrays:
        return None
    image = cv2.imdecode(arrays[name], cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f'{name} is not a PNG image')
    return image
