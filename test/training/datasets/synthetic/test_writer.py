from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.highlevel import AnyReader

from ssc_ros.errors import DataError
from ssc_ros.geometry.transforms import make_rigid, quaternion_to_rotation
from ssc_ros.messages.compressed_depth import decode_compressed_depth
from training.datasets.synthetic import RoomRecipe, make_room
from training.datasets.synthetic.__main__ import main
from training.datasets.synthetic.writer import BagOptions, write_bag

SAMPLE = Path(__file__).parents[4] / 'samples' / 'rooms_bag'
COMMON = {'/odom', '/stereo/left/camera_info', '/stereo/right/camera_info',
          '/stereo/left/label_image', '/ground_truth/voxels', '/ground_truth/occlusion'}
COMPRESSED = COMMON | {'/stereo/left/image_rect_color/compressed',
                       '/stereo/right/image_rect_color/compressed',
                       '/stereo/left/depth/image_raw/compressedDepth'}
RAW = COMMON | {'/stereo/left/image_rect_color', '/stereo/right/image_rect_color',
                '/stereo/left/depth/image_raw'}


def read(path):
    """All messages of a bag by topic."""
    messages = {}
    with AnyReader([path]) as reader:
        for connection, stamp_ns, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            stamp = message.header.stamp
            assert stamp.sec * 10 ** 9 + stamp.nanosec == stamp_ns
            messages.setdefault(connection.topic, []).append(message)
    return messages


@pytest.fixture(scope='module')
def two_rooms():
    return [make_room(RoomRecipe('test', index, 48, 64)) for index in (0, 1)]


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_raw_bags_hold_the_very_arrays(tmp_path, two_rooms, storage):
    count = write_bag(tmp_path / 'bag', two_rooms,
                      BagOptions(storage=storage, rate_hz=4, is_compressed=False))
    messages = read(tmp_path / 'bag')
    assert count == 2
    assert set(messages) == RAW
    for index, room in enumerate(two_rooms):
        left = messages['/stereo/left/image_rect_color'][index]
        assert (left.encoding, left.step) == ('rgb8', 64 * 3)
        np.testing.assert_array_equal(left.data.reshape(48, 64, 3), room.left)
        depth = messages['/stereo/left/depth/image_raw'][index]
        assert depth.encoding == '16UC1'
        np.testing.assert_allclose(depth.data.view('<u2').reshape(48, 64) / 1000, room.depth_m,
                                   atol=5.1e-4)
        voxels = messages['/ground_truth/voxels'][index]
        assert (voxels.height, voxels.width) == (60, 36 * 60)
        np.testing.assert_array_equal(voxels.data.reshape(60, 36, 60), room.voxel_labels)
        assert voxels.header.frame_id == 'stereo_left_optical_frame'
    stamps = [message.header.stamp.nanosec for message in messages['/odom']]
    assert stamps == [0, 250_000_000]


def test_compressed_bags_decode_to_nearly_the_same(tmp_path, two_rooms):
    write_bag(tmp_path / 'bag', two_rooms)
    messages = read(tmp_path / 'bag')
    assert set(messages) == COMPRESSED
    picture = messages['/stereo/right/image_rect_color/compressed'][0]
    decoded = cv2.cvtColor(cv2.imdecode(picture.data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(decoded.astype(int) - two_rooms[0].right).mean() < 10
    depth_m = decode_compressed_depth(messages['/stereo/left/depth/image_raw/compressedDepth'][0])
    np.testing.assert_allclose(depth_m, two_rooms[0].depth_m, atol=5.1e-4)


def test_calibration_and_pose_give_the_room_back(tmp_path, two_rooms):
    write_bag(tmp_path / 'bag', two_rooms)
    messages = read(tmp_path / 'bag')
    info = messages['/stereo/right/camera_info'][0]
    assert -info.p[3] / info.p[0] == pytest.approx(0.12)
    for index, room in enumerate(two_rooms):
        odometry = messages['/odom'][index]
        pose = odometry.pose.pose
        rotation = quaternion_to_rotation(*(getattr(pose.orientation, axis) for axis in 'xyzw'))
        T_odom_camera = make_rigid(rotation, [pose.position.x, pose.position.y, pose.position.z])
        expected = make_rigid(np.eye(3), [20.0 * index, 0, 0]) @ room.T_world_camera
        np.testing.assert_allclose(T_odom_camera, expected, atol=1e-9)
        assert odometry.child_frame_id == 'stereo_left_optical_frame'


def test_a_bag_is_never_overwritten(tmp_path, two_rooms):
    write_bag(tmp_path / 'bag', two_rooms[:1])
    with pytest.raises(DataError, match='never overwritten'):
        write_bag(tmp_path / 'bag', two_rooms[:1])


def test_unknown_storage_is_refused():
    with pytest.raises(DataError, match='mcap or sqlite3'):
        BagOptions(storage='rosbag1')


def test_the_command_line_writes_walks_and_sets(tmp_path, capsys):
    size = ['--size', '64x48']
    main(['bag', '--rooms', '3', '4', '--frames', '2', '--out', str(tmp_path / 'walk'), *size])
    main(['generate', '--split', 'test', '--count', '2', '--out', str(tmp_path / 'set'),
          '--workers', '1', *size])
    main(['bag', '--root', str(tmp_path / 'set'), '--count', '2', '--raw', '--out',
          str(tmp_path / 'still')])
    assert len(read(tmp_path / 'walk')['/odom']) == 4
    assert len(read(tmp_path / 'still')['/odom']) == 2
    assert '4 frames' in capsys.readouterr().out


def test_the_sample_bag_is_small_and_complete():
    files = [path for path in SAMPLE.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 5_000_000
    messages = read(SAMPLE)
    assert set(messages) == COMPRESSED
    assert {len(values) for values in messages.values()} == {28}
    classes = {label for message in messages['/ground_truth/voxels']
               for label in np.unique(message.data).tolist()}
    assert classes == {*range(12), 255}
