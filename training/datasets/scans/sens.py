"""ScanNet `.sens` streams, version 4: read frame by frame, and written."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.geometry.cameras import PinholeCamera

from .files import camera_of, intrinsic_matrix, jpeg_bytes, to_depth_units
from .frame import Matrix, Scan, ScanFrame

VERSION = 4
COLOR_CODES = {'raw': 0, 'png': 1, 'jpeg': 2}
DEPTH_CODES = {'raw': 0, 'zlib': 1, 'occi': 2}
IMU_RECORD = np.dtype([
    ('rotation_rate', '<f8', 3), ('acceleration', '<f8', 3), ('magnetic_field', '<f8', 3),
    ('attitude', '<f8', 3), ('gravity', '<f8', 3), ('timestamp', '<u8')])
MAX_NAME_BYTES = 4096
_FRAME = struct.Struct('<16f4Q')  # pose, time of colour and depth in us, bytes of both
_SIZES = struct.Struct('<2i4IfQ')


@dataclass(frozen=True, slots=True, eq=False)
class SensHeader:
    """
    What stands before the frames of a stream.

    Attributes:
        color_intrinsic, color_extrinsic, depth_intrinsic, depth_extrinsic: (4, 4).
        color_compression: raw, png or jpeg.
        depth_compression: raw, zlib or occi.
        units_per_m: depth units per metre, 1000 of millimetres.
    """

    sensor_name: str
    color_intrinsic: Matrix
    color_extrinsic: Matrix
    depth_intrinsic: Matrix
    depth_extrinsic: Matrix
    color_compression: str
    depth_compression: str
    color_size: tuple[int, int]
    depth_size: tuple[int, int]
    units_per_m: float
    num_frames: int

    @property
    def color_camera(self) -> PinholeCamera:
        """Intrinsics of the colour images."""
        return camera_of(self.color_intrinsic, self.color_size)

    @property
    def depth_camera(self) -> PinholeCamera:
        """Intrinsics of the depth images."""
        return camera_of(self.depth_intrinsic, self.depth_size)


@dataclass(frozen=True, slots=True, eq=False)
class _Record:
    """Where a frame lies in the file; times in microseconds."""

    T_world_camera: Matrix
    depth_time_us: int
    color_at: int
    color_bytes: int
    depth_bytes: int


class SensScan(Scan):
    """
    A `.sens` stream; opening it reads headers alone, so its size does not matter.

    Args:
        T_world_scan: (4, 4) axis alignment that all poses are multiplied by.

    Raises:
        DataError: not a version 4 stream, or cut off.
    """

    def __init__(self, path: Path | str, T_world_scan: Matrix | None = None) -> None:
        self._path = Path(path)
        try:
            with self._path.open('rb') as stream:
                self.header = _read_header(stream, self._path)
                self._records = {str(index): _read_record(stream, self._path, index)
                                 for index in range(self.header.num_frames)}
                self._end = stream.tell()
        except OSError as error:
            raise DataError(f'{path} cannot be read ({error}): copy it again') from error
        if self._end > self._path.stat().st_size:
            raise DataError(f'{path} ends within its last frame: it was cut off, copy it again')
        self._T_world_scan = np.eye(4) if T_world_scan is None else T_world_scan
        super().__init__(self._path.stem, self._records)

    def pose(self, frame_id: str) -> Matrix:
        """Return T_world_camera of one frame, not finite where tracking was lost."""
        pose = self._record(frame_id).T_world_camera
        return self._T_world_scan @ pose if np.isfinite(pose).all() else pose

    def read(self, frame_id: str) -> ScanFrame:
        """Return one frame, decoded."""
        record, header = self._record(frame_id), self.header
        with self._path.open('rb') as stream:
            stream.seek(record.color_at)
            color = stream.read(record.color_bytes)
            depth = stream.read(record.depth_bytes)
        where = f'frame {frame_id} of {self._path}'
        units = _decode_depth(depth, header, where)
        return ScanFrame(
            frame_id, (units / np.float32(header.units_per_m)).astype(np.float32),
            _decode_color(color, header, where), header.depth_camera, header.color_camera,
            self.pose(frame_id), record.depth_time_us * 1000)

    def read_imu(self) -> NDArray[np.void]:
        """Return the inertial records behind the frames, as an array of `IMU_RECORD`."""
        with self._path.open('rb') as stream:
            stream.seek(self._end)
            head = stream.read(8)
            count = struct.unpack('<Q', head)[0] if len(head) == 8 else 0
            records = np.frombuffer(stream.read(), np.uint8)
        if len(records) < count * IMU_RECORD.itemsize:
            raise DataError(f'{self._path} announces {count} inertial records but ends before: '
                            'it was cut off, copy it again')
        return records[:count * IMU_RECORD.itemsize].view(IMU_RECORD)

    def _record(self, frame_id: str) -> _Record:
        if frame_id not in self._records:
            raise DataError(f'{self._path} has frames 0 to {len(self._records) - 1}, '
                            f'not {frame_id}')
        return self._records[frame_id]


def _exactly(stream: BinaryIO, count: int, path: Path) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise DataError(f'{path} ends at byte {stream.tell()}: it was cut off, copy it again')
    return data


def _read_header(stream: BinaryIO, path: Path) -> SensHeader:
    version, name_bytes = struct.unpack('<IQ', _exactly(stream, 12, path))
    if version != VERSION or name_bytes > MAX_NAME_BYTES:
        raise DataError(f'{path} is not a .sens stream of version {VERSION} (version {version}, '
                        f'sensor name of {name_bytes} bytes): is it another kind of file?')
    name = _exactly(stream, name_bytes, path).decode('utf-8', 'replace')
    matrices = np.frombuffer(_exactly(stream, 256, path), '<f4').reshape(4, 4, 4).astype(float)
    color, depth, color_w, color_h, depth_w, depth_h, shift, frames = _SIZES.unpack(
        _exactly(stream, _SIZES.size, path))
    return SensHeader(
        name, *matrices, _named(color, COLOR_CODES, 'colour', path),
        _named(depth, DEPTH_CODES, 'depth', path), (color_h, color_w), (depth_h, depth_w),
        shift, frames)


def _named(code: int, codes: dict[str, int], what: str, path: Path) -> str:
    for name, number in codes.items():
        if number == code:
            return name
    raise DataError(f'{path} has {what} of the unknown compression {code}: '
                    f'known are {codes}; export the stream again')


def _read_record(stream: BinaryIO, path: Path, index: int) -> _Record:
    data = stream.read(_FRAME.size)
    if len(data) != _FRAME.size:
        raise DataError(f'{path} ends before frame {index}: it was cut off, copy it again')
    *pose, _, depth_time_us, color_bytes, depth_bytes = _FRAME.unpack(data)
    start = stream.tell()
    stream.seek(start + color_bytes + depth_bytes)
    return _Record(np.array(pose).reshape(4, 4), depth_time_us, start, color_bytes, depth_bytes)


def _decode_color(data: bytes, header: SensHeader, where: str) -> NDArray[np.uint8]:
    shape = (*header.color_size, 3)
    if header.color_compression == 'raw':
        if len(data) != np.prod(shape):
            raise DataError(f'{where} has {len(data)} bytes of raw colour, expected {shape}')
        return np.frombuffer(data, np.uint8).reshape(shape)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise DataError(f'{where} has no colour image that can be decoded: copy the file again')
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)


def _decode_depth(data: bytes, header: SensHeader, where: str) -> NDArray[np.uint16]:
    expected = 2 * header.depth_size[0] * header.depth_size[1]
    if header.depth_compression == 'occi':
        raise DataError(f'{where} has depth of the proprietary occi compression, which cannot be '
                        'decoded: export the stream with zlib depth')
    if header.depth_compression == 'zlib':
        try:
            # Bounded: a damaged stream must not fill the memory.
            data = zlib.decompressobj().decompress(data, expected + 1)
        except zlib.error as error:
            raise DataError(f'{where} has damaged depth ({error}): copy it again') from error
    if len(data) != expected:
        raise DataError(f'{where} has {len(data)} bytes of depth, expected {expected}')
    return np.frombuffer(data, '<u2').reshape(header.depth_size)


def write_sens(
    path: Path | str, frames: Iterable[ScanFrame], *, sensor_name: str = 'synthetic',
    depth_compression: str = 'zlib', imu: NDArray[np.void] | None = None,
    units_per_m: float = 1000.0,
) -> int:
    """
    Write frames of one size as a `.sens` stream with JPEG colour; return their number.

    Args:
        depth_compression: raw or zlib.
        imu: array of `IMU_RECORD`.

    Raises:
        DataError: there are no frames.
    """
    count = 0
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open('wb') as stream:
        for frame in frames:
            if count == 0:
                stream.write(_header_bytes(frame, sensor_name, depth_compression, units_per_m))
                count_at = stream.tell() - 8
            stream.write(_frame_bytes(frame, depth_compression, units_per_m))
            count += 1
        if not count:
            raise DataError(f'no frames were given for {path}: a stream needs at least one')
        stream.write(struct.pack('<Q', 0 if imu is None else len(imu)))
        if imu is not None:
            stream.write(imu.tobytes())
        stream.seek(count_at)
        stream.write(struct.pack('<Q', count))
    return count


def _header_bytes(
    frame: ScanFrame, sensor_name: str, depth_compression: str, units_per_m: float,
) -> bytes:
    name = sensor_name.encode()
    matrices = [intrinsic_matrix(frame.color_camera), np.eye(4),
                intrinsic_matrix(frame.depth_camera), np.eye(4)]
    (color_h, color_w), (depth_h, depth_w) = frame.color_camera.size, frame.depth_camera.size
    return (struct.pack('<IQ', VERSION, len(name)) + name
            + np.stack(matrices).astype('<f4').tobytes()
            + _SIZES.pack(COLOR_CODES['jpeg'], DEPTH_CODES[depth_compression], color_w, color_h,
                          depth_w, depth_h, units_per_m, 0))


def _frame_bytes(frame: ScanFrame, depth_compression: str, units_per_m: float) -> bytes:
    color = jpeg_bytes(frame.rgb)
    depth = to_depth_units(frame.depth_m, units_per_m).astype('<u2').tobytes()
    if depth_compression == 'zlib':
        depth = zlib.compress(depth)
    time_us = frame.stamp_ns // 1000
    pose = np.asarray(frame.T_world_camera, '<f4').ravel()
    return _FRAME.pack(*pose, time_us, time_us, len(color), len(depth)) + color + depth
