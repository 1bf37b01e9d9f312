from itertools import pairwise

import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.synthetic import (
    SPLITS,
    RoomRecipe,
    generate,
    load_room,
    make_room,
    make_sequence,
    room_path,
    save_room,
)
from training.datasets.synthetic.__main__ import main
from training.datasets.synthetic.generate import SPLIT_SIZE

SMALL = (48, 64)


def test_a_seed_gives_the_same_room_again():
    first, second = (make_room(RoomRecipe('val', 7, *SMALL)) for _ in range(2))
    for name in ('left', 'right', 'depth_m', 'image_labels', 'voxel_labels', 'occlusion'):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_other_seeds_and_splits_give_other_rooms():
    rooms = [make_room(RoomRecipe(split, index, *SMALL))
             for split, index in (('train', 0), ('train', 1), ('test', 0))]
    for other in rooms[1:]:
        assert (rooms[0].voxel_labels != other.voxel_labels).any()


def test_splits_share_no_seed():
    starts = sorted(SPLITS.values())
    assert all(b - a >= SPLIT_SIZE for a, b in pairwise(starts))
    with pytest.raises(DataError, match='indices 0 to'):
        RoomRecipe('train', SPLIT_SIZE)


def test_image_size_changes_the_pictures_but_not_the_room():
    small, large = (make_room(RoomRecipe('val', 3, *size)) for size in (SMALL, (96, 128)))
    np.testing.assert_array_equal(small.voxel_labels, large.voxel_labels)
    np.testing.assert_allclose(small.camera.fx * 2, large.camera.fx)


def test_files_do_not_depend_on_the_number_of_workers(tmp_path):
    alone = generate(tmp_path / 'a', 'val', 3, size=SMALL, workers=1)
    spread = generate(tmp_path / 'b', 'val', 3, size=SMALL, workers=2)
    for first, second in zip(alone, spread, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_an_interrupted_set_continues_where_it_stopped(tmp_path):
    generate(tmp_path, 'val', 1, size=SMALL)
    first = room_path(tmp_path, 'val', 0)
    stamp = first.stat().st_mtime_ns
    paths = generate(tmp_path, 'val', 2, size=SMALL)
    assert [path.exists() for path in paths] == [True, True]
    assert first.stat().st_mtime_ns == stamp


def test_a_room_survives_the_disk(tmp_path):
    room = make_room(RoomRecipe('val', 1, *SMALL))
    save_room(tmp_path / 'room.npz', room)
    loaded = load_room(tmp_path / 'room.npz')
    for name in ('image_labels', 'voxel_labels', 'occlusion', 'T_world_camera'):
        np.testing.assert_array_equal(getattr(room, name), getattr(loaded, name))
    np.testing.assert_allclose(room.depth_m, loaded.depth_m, atol=5.1e-4)
    assert np.abs(room.left.astype(int) - loaded.left).mean() < 6
    assert (loaded.camera, loaded.baseline_m, loaded.theme) == (
        room.camera, room.baseline_m, room.theme)
    assert [path.name for path in tmp_path.iterdir()] == ['room.npz']


def test_a_damaged_file_is_refused_with_the_remedy(tmp_path):
    room = make_room(RoomRecipe('val', 1, *SMALL))
    save_room(tmp_path / 'room.npz', room)
    data = (tmp_path / 'room.npz').read_bytes()
    for damaged in (b'', b'no room', data[:len(data) // 2]):
        (tmp_path / 'room.npz').write_bytes(damaged)
        with pytest.raises(DataError, match='generate it again'):
            load_room(tmp_path / 'room.npz')


def test_unknown_splits_and_domains_are_refused():
    with pytest.raises(DataError, match='splits are train, val, test'):
        RoomRecipe('dev')
    with pytest.raises(DataError, match='procedural, furniture'):
        RoomRecipe(domain='garden')


def test_a_sequence_begins_at_the_rooms_view_and_moves_smoothly():
    recipe = RoomRecipe('test', 2, *SMALL)
    views = list(make_sequence(recipe, 4, 5.0))
    np.testing.assert_array_equal(views[0].left, make_room(recipe).left)
    steps = [np.linalg.norm((b.T_world_camera - a.T_world_camera)[:2, 3])
             for a, b in pairwise(views)]
    assert min(steps) > 0.005
    assert max(steps) < 0.15
    assert (views[0].voxel_labels != views[-1].voxel_labels).any()


def test_the_command_line_writes_a_split(tmp_path, capsys):
    assert main(['generate', '--split', 'test', '--count', '1', '--start', '5', '--size', '64x48',
                 '--out', str(tmp_path), '--workers', '1']) == 0
    assert '1 rooms' in capsys.readouterr().out
    assert load_room(tmp_path / 'test' / '2000005.npz').left.shape == (48, 64, 3)
