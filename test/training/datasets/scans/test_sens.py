"""ScanNet's .sens streams, against bytes put together here."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import cv2
import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.scans import SensScan, open_scannet
from training.datasets.scans.sens import IMU_RECORD, write_sens

COLOR_SIZE, DEPTH_SIZE = (8, 12), (4, 6)
DEPTH = np.arange(24, dtype='<u2').reshape(DEPTH_SIZE) * 100


def stream_bytes(depth_code: int, frames: int = 3, imu: int = 2) -> bytes:
    """Return a stream as the format describes it, one pose of it lost."""
    name = b'StructureSensor'
    color_k = np.diag([10.0, 11.0, 1.0, 1.0])
    color_k[:2, 2] = 5.5, 3.5
    depth_k = np.diag([5.0, 6.0, 1.0, 1.0])
    depth_k[:2, 2] = 2.5, 1.5
    data = struct.pack('<IQ', 4, len(name)) + name
    for matrix in (color_k, np.eye(4), depth_k, np.eye(4)):
        data += struct.pack('<16f', *matrix.ravel())
    data += struct.pack('<ii', 2, depth_code)
    data += struct.pack('<IIII', COLOR_SIZE[1], COLOR_SIZE[0], DEPTH_SIZE[1], DEPTH_SIZE[0])
    data += struct.pack('<f', 1000.0) + struct.pack('<Q', frames)
    for index in range(frames):
        pose = np.eye(4)
        pose[:3, 3] = index, 2, 3
        if index == 1:
            pose[:] = -np.inf
        image = np.full((*COLOR_SIZE, 3), (200, 100, 10 * index), np.uint8)  # BGR
        jpeg = cv2.imencode('.jpg', image)[1].tobytes()
        depth = (DEPTH + index).tobytes()
        depth = zlib.compress(depth) if depth_code == 1 else depth
        data += struct.pack('<16f', *pose.ravel())
        data += struct.pack('<QQQQ', 1000 + index, 2000 + index, len(jpeg), len(depth))
        data += jpeg + depth
    data += struct.pack('<Q', imu)
    for index in range(imu):
        data += struct.pack('<15dQ', *(np.arange(15) + index), 77 + index)
    return data


@pytest.fixture
def stream(tmp_path):
    def make(data: bytes):
        path = tmp_path / 'scene0000_00.sens'
        path.write_bytes(data)
        return path
    return make


@pytest.mark.parametrize('depth_code', [0, 1], ids=['raw', 'zlib'])
def test_reads_every_field_of_a_stream(stream, depth_code):
    scan = SensScan(stream(stream_bytes(depth_code)))
    assert (scan.name, scan.frame_ids) == ('scene0000_00', ('0', '1', '2'))
    assert scan.header.sensor_name == 'StructureSensor'
    frame = scan.read('2')
    np.testing.assert_allclose(frame.depth_m, (DEPTH + 2) / 1000, atol=1e-6)
    assert frame.rgb.shape == (*COLOR_SIZE, 3)
    np.testing.assert_allclose(frame.rgb[4, 6], [20, 100, 200], atol=4)
    assert frame.stamp_ns == 2002 * 1000
    assert (frame.depth_camera.fx, frame.depth_camera.cy) == (5.0, 1.5)
    assert (frame.color_camera.fy, frame.color_camera.cx) == (11.0, 5.5)
    np.testing.assert_array_equal(frame.T_world_camera[:3, 3], [2, 2, 3])


def test_a_lost_pose_stays_lost(stream):
    scan = SensScan(stream(stream_bytes(1)), np.diag([1.0, -1, -1, 1]))
    assert [scan.read(frame_id).is_tracked for frame_id in scan.frame_ids] == [True, False, True]


def test_reads_inertial_records(stream):
    imu = SensScan(stream(stream_bytes(1))).read_imu()
    assert IMU_RECORD.itemsize == 128
    np.testing.assert_array_equal(imu['timestamp'], [77, 78])
    np.testing.assert_array_equal(imu['gravity'][1], [13, 14, 15])


def test_a_stream_without_inertial_part_has_none(stream):
    assert len(SensScan(stream(stream_bytes(1)[:-8 - 256])).read_imu()) == 0


@pytest.mark.parametrize('cut', [3, 40, 300, 420, 600])
def test_a_cut_stream_says_so(stream, cut):
    with pytest.raises(DataError, match='cut off'):
        SensScan(stream(stream_bytes(0)[:cut]))


@pytest.mark.parametrize(('place', 'message'), [
    (0, 'version'), (12 + 15 + 256, 'compression')])
def test_another_kind_of_file_is_refused(stream, place, message):
    data = bytearray(stream_bytes(1))
    data[place] = 9
    with pytest.raises(DataError, match=message):
        SensScan(stream(bytes(data)))


def test_occi_depth_is_refused_with_a_remedy(stream):
    with pytest.raises(DataError, match='export the stream with zlib'):
        SensScan(stream(stream_bytes(2))).read('0')


def test_damaged_depth_is_found(stream):
    packed = zlib.compress((DEPTH + 2).tobytes())
    data = stream_bytes(1).replace(packed, bytes(len(packed)))
    with pytest.raises(DataError, match='damaged depth'):
        SensScan(stream(data)).read('2')


def test_what_is_written_reads_back(tmp_path, tiny_scan):
    imu = np.zeros(2, IMU_RECORD)
    imu['timestamp'] = 5, 6
    for compression in ('raw', 'zlib'):
        path = tmp_path / f'{compression}.sens'
        assert write_sens(path, tiny_scan, depth_compression=compression, imu=imu) == 3
        scan = SensScan(path)
        for own, read in zip(tiny_scan, scan, strict=True):
            np.testing.assert_allclose(read.depth_m, own.depth_m, atol=6e-4)
            np.testing.assert_allclose(read.T_world_camera, own.T_world_camera, atol=1e-6)
            assert np.abs(read.rgb.astype(int) - own.rgb).mean() < 4
            assert read.stamp_ns == own.stamp_ns
        np.testing.assert_array_equal(scan.read_imu(), imu)


def test_a_large_stream_is_not_read_into_memory(tmp_path, tiny_scan):
    path = tmp_path / 'large.sens'
    write_sens(path, tiny_scan)
    head = path.read_bytes()
    # A hole of 300 MB stands for the colour of a fourth frame; the file stays sparse.
    count_at = 12 + len(b'synthetic') + 256 + 8 + 16 + 4
    hole = 300 * 2**20
    with path.open('r+b') as file:
        file.seek(count_at)
        file.write(struct.pack('<Q', 4))
        file.seek(len(head) - 8)
        file.write(struct.pack('<16f4Q', *np.eye(4).ravel(), 0, 0, hole, 0))
        file.seek(len(head) - 8 + 96 + hole)
        file.write(struct.pack('<Q', 0))
    tracemalloc.start()
    scan = SensScan(path)
    scan.read('2')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(scan) == 4
    assert peak < 5 * 2**20


def test_axis_alignment_beside_a_stream_is_applied(tmp_path, tiny_scan):
    folder = tmp_path / 'scene0001_00'
    write_sens(tmp_path / 'scene0001_00' / 'scene0001_00.sens', tiny_scan)
    turn = '0 -1 0 2 1 0 0 3 0 0 1 0.5 0 0 0 1'
    (folder / 'scene0001_00.txt').write_text(f'appVersionId = 3\naxisAlignment = {turn}\n')
    pose = open_scannet(folder).pose('1')
    expected = np.array(turn.split(), float).reshape(4, 4) @ tiny_scan.pose('1')
    np.testing.assert_allclose(pose, expected, atol=1e-6)
