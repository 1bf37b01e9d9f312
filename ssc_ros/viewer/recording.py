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
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.frames import RgbdFrame, SceneEstimate, StereoFrame
from ssc_ros.labels import LabelSpace
from ssc_ros.paths import replacing
from ssc_ros.viewer.recorded_frame import RecordedFrame, from_arrays, to_arrays

FORMAT_VERSION = 1
_MANIFEST = 'recording.json'
_logger = logging.getLogger(__name__)


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
        _write_atomically(path, lambda file: np.savez_compressed(file, **to_arrays(recorded)))
        return path

    def paths(self) -> list[Path]:
        """Return the frame files in order."""
        return sorted((self.folder / 'frames').glob('[0-9]*.npz'))

    def __len__(self) -> int:
        return len(self.paths())

    def frame(self, index: int) -> RecordedFrame:
        """Read one frame; DataError when there is none of that number or its file is damaged."""
        paths = self.paths()
        if not 0 <= index < len(paths):
            raise DataError(f'there is no frame {index}: {self.folder} holds '
                            + (f'the frames 0 to {len(paths) - 1}' if paths else 'none'))
        return self._load(paths[index])

    def frames(self) -> Iterator[RecordedFrame]:
        """Yield the frames in order; a damaged one is reported in the log and left out."""
        return (frame for _, frame in self.named_frames())

    def named_frames(self) -> Iterator[tuple[Path, RecordedFrame]]:
        """Yield each file with its frame, as ``frames`` does."""
        for path in self.paths():
            try:
                yield path, self._load(path)
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
            # NumPy leaves a damaged file open that it opened itself.
            with path.open('rb') as file, np.load(file, allow_pickle=False) as arrays:
                return from_arrays(dict(arrays), self.label_space)
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


def _write_atomically(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    with replacing(path) as partial, partial.open('wb') as file:
        write(file)
