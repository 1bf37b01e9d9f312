"""Bags come back as they were written; of damaged ones, everything that is left."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ssc_ros.bags import BagReader, BagWriter, builders
from ssc_ros.bags.parts import is_bag
from ssc_ros.errors import ConfigurationError, DataError, MessageError

STORAGES = [('mcap', False), ('mcap', True), ('sqlite3', False), ('sqlite3', True)]
LEFT = '/stereo/left/image_rect_color'


def yield_all(reader: BagReader) -> tuple[list, str]:
    """Keep what came before the error, as a for loop does."""
    messages, iterator = [], reader.messages()
    while True:
        try:
            messages.append(next(iterator))
        except StopIteration:
            return messages, ''
        except DataError as error:
            return messages, str(error)


@pytest.mark.parametrize(('storage', 'compress'), STORAGES)
def test_messages_survive_a_round_trip(
    rooms: ModuleType, tmp_path: Path, storage: str, compress: bool,
) -> None:
    path = rooms.write_stereo_bag(
        tmp_path / 'bag', frames=2, storage=storage, compress=compress)
    with BagReader(path) as reader:
        assert reader.topics[LEFT].type_name == 'sensor_msgs/msg/Image'
        assert reader.topics[LEFT].message_count == 2
        assert reader.message_count == 14
        assert reader.start_ns == rooms.START_NS
        assert reader.duration_s == pytest.approx(0.1)
        assert reader.damage == ''
        images = [message.decode() for message in reader.messages([LEFT])]
    for index, image in enumerate(images):
        pixels = image.data.reshape(image.height, image.width, 3)
        assert np.array_equal(pixels, rooms.frame_images(index)[0])
        assert image.header.frame_id == rooms.FRAME_ID


def test_one_file_of_a_bag_can_be_opened_alone(stereo_bag: Path) -> None:
    with BagReader(next(stereo_bag.glob('*.mcap'))) as reader:
        assert reader.message_count == 21


def test_reading_can_start_later(stereo_bag: Path, rooms: ModuleType) -> None:
    with BagReader(stereo_bag) as reader:
        times = [message.time_ns for message in reader.messages([LEFT], start_offset_s=0.1)]
    assert times == [rooms.frame_stamp(1), rooms.frame_stamp(2)]


def test_stored_bytes_are_handed_out_unchanged(tmp_path: Path) -> None:
    data = b'\x00\x01\x00\x00' + bytes(range(8))
    with BagWriter(tmp_path / 'bag') as writer:
        writer.write_raw('/time', 'builtin_interfaces/msg/Time', 5, data)
    with BagReader(tmp_path / 'bag') as reader:
        [message] = reader.messages()
    assert (message.data, message.time_ns) == (data, 5)


def cut(bag: Path, fraction: float) -> None:
    [file] = [path for path in bag.iterdir() if path.suffix in ('.mcap', '.db3')]
    with file.open('rb+') as stream:
        stream.truncate(int(file.stat().st_size * fraction))


@pytest.mark.parametrize('has_metadata', [True, False])
@pytest.mark.parametrize(('storage', 'compress'), STORAGES)
def test_a_bag_cut_in_the_middle_yields_what_is_left_and_then_one_error(
    rooms: ModuleType, tmp_path: Path, storage: str, compress: bool, has_metadata: bool,
) -> None:
    path = rooms.write_stereo_bag(
        tmp_path / 'bag', frames=8, storage=storage, compress=compress)
    with BagReader(path) as reader:
        whole = [(message.topic, message.time_ns, message.data) for message in reader.messages()]
    cut(path, 0.6)
    if not has_metadata:
        (path / 'metadata.yaml').unlink()
    with BagReader(path) as reader:
        assert reader.damage
        messages, error = yield_all(reader)
    found = [(message.topic, message.time_ns, message.data) for message in messages]
    assert 0.4 * len(whole) < len(found) < 0.75 * len(whole)
    assert set(found) <= set(whole)
    assert 'is damaged' in error
    assert 'what could be read was used' in error


def test_a_bag_without_metadata_whose_file_is_whole_loses_nothing(stereo_bag: Path) -> None:
    (stereo_bag / 'metadata.yaml').unlink()
    with BagReader(stereo_bag) as reader:
        messages, error = yield_all(reader)
    assert len(messages) == 21
    assert 'metadata' in error


def test_a_recording_that_was_never_closed_can_be_read(rooms: ModuleType, tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / 'bag')
    for index in range(16):
        rooms.write_frame(writer, index)
    try:
        with BagReader(tmp_path / 'bag') as reader:
            messages, error = yield_all(reader)
    finally:
        writer.close()
    assert 'metadata' in error or 'magic' in error
    assert 40 < len(messages) < 16 * 7


def test_a_damaged_chunk_in_the_middle_ends_with_an_error_that_names_the_bag(
    rooms: ModuleType, tmp_path: Path,
) -> None:
    path = rooms.write_stereo_bag(tmp_path / 'bag', frames=16, compress=True)
    [file] = path.glob('*.mcap')
    data = file.read_bytes()
    zstd_frame = b'\x28\xb5\x2f\xfd'
    assert data.count(zstd_frame) > 1
    second = data.index(zstd_frame, data.index(zstd_frame) + 1)
    file.write_bytes(data[:second] + bytes(4) + data[second + 4:])
    with BagReader(path) as reader:
        messages, error = yield_all(reader)
    assert f'{path} is damaged' in error
    assert len(messages) > 20


@pytest.mark.parametrize('name', ['bag', 'bag.txt', 'nothing.mcap'])
def test_what_is_no_bag_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if '.' in name:
        path.write_text('no bag')
    else:
        path.mkdir()
    with pytest.raises(DataError, match=name):
        BagReader(path)


def test_a_missing_bag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='does not exist'):
        BagReader(tmp_path / 'bag')
    assert not is_bag(tmp_path / 'bag')


def test_a_missing_topic_is_named_beside_those_that_are_there(stereo_bag: Path) -> None:
    with BagReader(stereo_bag) as reader, pytest.raises(DataError, match=r'no topic /x; .*/odom'):
        reader.require_topics(['/x', '/odom'])


def test_corrupt_bytes_of_a_message_are_refused(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer:
        writer.write_raw('/image', 'sensor_msgs/Image', 1, b'\x00\x01\x00\x00\x05')
    with BagReader(tmp_path / 'bag') as reader:
        [message] = reader.messages()
    with pytest.raises(MessageError, match=r'are no sensor_msgs/msg/Image'):
        message.decode()


def test_an_existing_bag_is_replaced_only_on_request(stereo_bag: Path) -> None:
    with pytest.raises(DataError, match='exists already'):
        BagWriter(stereo_bag)
    with BagWriter(stereo_bag, overwrite=True) as writer:
        writer.write('/image', 1, builders.image(np.zeros((2, 2), np.uint8), 1, 'camera'))
    with BagReader(stereo_bag) as reader:
        assert list(reader.topics) == ['/image']


def test_a_folder_that_is_no_bag_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / 'thesis.tex').write_text('precious')
    with pytest.raises(DataError, match='exists already'):
        BagWriter(tmp_path, overwrite=True)


def test_an_unknown_storage_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match='mcap, sqlite3'):
        BagWriter(tmp_path / 'bag', storage='zip')


def test_an_interrupted_writer_leaves_a_readable_bag(rooms: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), BagWriter(tmp_path / 'bag') as writer:
        rooms.write_frame(writer, 0)
        raise KeyboardInterrupt
    with BagReader(tmp_path / 'bag') as reader:
        assert (reader.message_count, reader.damage) == (7, '')


def test_without_the_rosbags_library_the_remedy_is_named(stereo_bag: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, 'rosbags.rosbag2', None)
    with pytest.raises(ConfigurationError, match='pip install rosbags'):
        BagReader(stereo_bag)


def test_several_files_without_metadata_are_read_one_after_the_other(
    rooms: ModuleType, tmp_path: Path,
) -> None:
    split = tmp_path / 'split'
    split.mkdir()
    for index in range(2):
        with BagWriter(tmp_path / f'part{index}') as writer:
            rooms.write_frame(writer, index)
        (tmp_path / f'part{index}' / f'part{index}.mcap').rename(split / f'{index}.mcap')
    with BagReader(split) as reader:
        assert reader.topics[LEFT].message_count == 2
        messages, _ = yield_all(reader)
    assert [message.time_ns for message in messages if message.topic == LEFT] == [
        rooms.frame_stamp(0), rooms.frame_stamp(1)]


def test_types_of_other_packages_are_decoded_by_the_definition_in_the_bag(tmp_path: Path) -> None:
    from rosbags.rosbag2 import StoragePlugin, Writer

    with Writer(tmp_path / 'bag', version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(
            '/pump', 'my_msgs/msg/Pump', msgdef='uint8 speed\nuint8 level\n', rihs01='RIHS01_0')
        writer.write(connection, 1, b'\0\1\0\0\7\3')
    with BagReader(tmp_path / 'bag') as reader:
        [message] = reader.messages()
    assert (message.decode().speed, message.decode().level) == (7, 3)


def test_a_type_that_bags_cannot_describe_is_refused_when_writing(tmp_path: Path) -> None:
    with BagWriter(tmp_path / 'bag') as writer, pytest.raises(DataError, match='my_msgs/Valve'):
        writer.write_raw('/pump', 'my_msgs/Valve', 1, b'')
