"""Tests of label spaces: the tables themselves and the loader."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.labels import IGNORE_ID, available_label_spaces, load_label_space

SIZES = {
    'matterport11': 11, 'nyu12': 12, 'nyu40': 40, 'scannet15': 15, 'semantic_kitti20': 20,
    'semantic_tartanair14': 14, 'sunrgbd37': 37}

# NYU-40 classes 1..40 as the 36 raw ids of the SSCNet release.
NYU40_AS_NYU36 = (
    3, 2, 13, 7, 6, 8, 9, 5, 4, 11, 36, 12, 4, 17, 11, 4, 13, 22, 35, 2, 36, 1, 36, 21, 33, 36, 36,
    29, 36, 36, 36, 27, 31, 34, 14, 28, 36, 36, 13, 20)


def write_space(folder: Path, text: str) -> str:
    path = folder / 'space.yaml'
    path.write_text(text)
    return str(path)


class TestShippedTables:
    def test_every_published_label_space_is_there_with_its_number_of_classes(self):
        assert {name: len(load_label_space(name)) for name in available_label_spaces()} == SIZES

    @pytest.mark.parametrize('name', sorted(SIZES))
    def test_maps_lead_to_existing_classes_and_reach_all_but_the_empty_one(self, name):
        space = load_label_space(name)
        for source, table in space.maps.items():
            reached = set(np.unique(table).tolist()) - {IGNORE_ID}
            assert reached <= set(range(len(space))), source
        if space.maps and name != 'scannet15':
            assert set(np.unique(np.concatenate(list(space.maps.values())))) >= set(
                space.occupied_ids)

    @pytest.mark.parametrize('name', sorted(SIZES))
    def test_colors_tell_the_classes_apart(self, name):
        assert len(np.unique(load_label_space(name).colors, axis=0)) == SIZES[name]

    def test_voxel_spaces_have_an_empty_class_and_image_spaces_have_none(self):
        empty = {name: load_label_space(name).empty_id for name in SIZES}
        assert {name for name, value in empty.items() if value == 0} == {
            'nyu12', 'semantic_kitti20', 'semantic_tartanair14'}
        assert load_label_space('nyu12').occupied_ids == tuple(range(1, 12))
        assert load_label_space('nyu40').occupied_ids == tuple(range(40))

    def test_nyu12_has_the_class_order_of_the_benchmark(self):
        assert load_label_space('nyu12').names == (
            'empty', 'ceiling', 'floor', 'wall', 'window', 'chair', 'bed', 'sofa', 'table', 'tvs',
            'furn', 'objs')

    def test_nyu12_maps_of_36_and_40_classes_agree(self):
        space = load_label_space('nyu12')
        via_36 = space.remap(np.array(NYU40_AS_NYU36), 'nyu36')
        assert np.array_equal(via_36, space.maps['nyu40'][1:])

    def test_nyu894_is_the_published_table_by_checksum(self):
        table = load_label_space('nyu40').maps['nyu894']
        official = np.where(table == IGNORE_ID, 0, table.astype(int) + 1).astype(np.uint8)
        assert len(table) == 895
        assert official[0] == 0
        assert zlib.crc32(official[1:].tobytes()) == 3532168507

    def test_sunrgbd37_is_the_head_of_nyu40(self):
        assert load_label_space('sunrgbd37').names == load_label_space('nyu40').names[:37]

    def test_kitti_raw_255_is_a_class_and_only_unlisted_ids_are_ignored(self):
        raw = np.array([0, 10, 252, 255, 257, 52, 1, 99, 81])
        labels = load_label_space('semantic_kitti20').remap(raw, 'semantic_kitti_raw')
        assert labels.tolist() == [0, 1, 1, 8, 5, 255, 255, 255, 19]

    def test_kitti_weights_are_the_inverse_log_frequencies(self):
        weights = load_label_space('semantic_kitti20').class_weights
        frequencies = np.array([5.41773033e9, 1.57835390e7, 1.25136000e5])
        np.testing.assert_allclose(weights[:3], 1 / np.log(frequencies + 0.001), atol=1e-6)

    def test_nyu_weights_hold_empty_space_down(self):
        weights = load_label_space('nyu12').class_weights
        np.testing.assert_allclose(weights, [0.05] + [1.0] * 11)

    def test_doubly_listed_tartanair_ids_keep_the_last_class(self):
        space = load_label_space('semantic_tartanair14')
        labels = space.remap(np.array([144, 231, 139, 0, 249]), 'airsim_office')
        assert [space.names[i] for i in labels] == ['furn', 'window', 'floor', 'objs', 'bonsai']

    def test_scannet_leaves_out_what_its_fifteen_classes_lack(self):
        space = load_label_space('scannet15')
        refrigerator, toilet, sofa = space.remap(np.array([24, 33, 6]), 'nyu40')
        assert (refrigerator, toilet, space.names[sofa]) == (255, 255, 'sofa')

    @pytest.mark.parametrize(('space', 'mseg', 'name'), [
        ('matterport11', 62, 'sofa'), ('matterport11', 43, 'floor'),
        ('matterport11', 193, 'window'), ('scannet15', 191, 'wall'),
        ('scannet15', 112, 'picture'), ('scannet15', 70, 'desk')])
    def test_mseg_ids_reach_their_class(self, space, mseg, name):
        space = load_label_space(space)
        assert space.names[space.maps['mseg'][mseg]] == name


# What each class of the S4R label sets is in MSeg's universal taxonomy; all other ids are ignored.
MSEG = {
    'matterport11': {
        'bed': [66, 73], 'ceiling': [36], 'chair': [57, 58, 59, 61], 'floor': [43, 44],
        'furniture': [18, 24, 65, 68, 71, 72, *range(75, 80), 87, 90, 139],
        'objects': [
            0, 2, 4, 5, 17, 19, 20, 23, *range(25, 31), *range(37, 42), 60, 63, 64, 74,
            *range(81, 87), 88, 91, 92, *range(103, 125), 129, 145, 161, 162, 165, 168,
            *range(170, 174)],
        'sofa': [62], 'table': [67, 70], 'tv': [42], 'wall': [35, 80, 191],
        'window': [169, 192, 193]},
    'scannet15': {
        'wall': [191], 'floor': [43, 173], 'cabinet': [90], 'bed': [66],
        'chair': [*range(57, 62)], 'sofa': [62], 'table': [67], 'door': [80],
        'window': [192, 193], 'bookshelf': [76, 87], 'picture': [112, 113],
        'counter': [77, 78, 79], 'desk': [70], 'curtain': [169],
        'otherfurniture': [18, 63, 64, 65, 68, 69, *range(71, 76), 91, 92, 93]},
}


class TestS4rMaps:
    @pytest.mark.parametrize('name', MSEG)
    def test_every_mseg_id_reaches_one_class_or_none(self, name):
        space = load_label_space(name)
        assert set(MSEG[name]) == set(space.names)
        expected = np.full(195, IGNORE_ID)
        for index, mapped in enumerate(MSEG[name][class_name] for class_name in space.names):
            assert (expected[mapped] == IGNORE_ID).all()
            expected[mapped] = index
        assert np.array_equal(space.maps['mseg'], expected)

    def test_every_id_of_the_matterport_categories_has_a_place(self):
        space = load_label_space('matterport11')
        assert {name: len(space.maps[name]) for name in ('mpcat40', 'eigen13', 'nyu40')} == {
            'mpcat40': 42, 'eigen13': 14, 'nyu40': 41}
        wall, door, sofa, shower, unlabelled = space.remap(
            np.array([1, 4, 10, 23, 41]), 'mpcat40')
        assert [space.names[i] for i in (wall, door, sofa, shower)] == [
            'wall', 'wall', 'sofa', 'wall']
        assert unlabelled == IGNORE_ID
        bed, books, picture, window = space.remap(np.array([1, 2, 8, 13]), 'eigen13')
        assert [space.names[i] for i in (bed, books, picture, window)] == [
            'bed', 'objects', 'objects', 'window']

    def test_the_completion_classes_of_nyu_are_the_same_eleven(self):
        ours, theirs = load_label_space('matterport11'), load_label_space('nyu12')
        spelled = {'tv': 'tvs', 'furniture': 'furn', 'objects': 'objs'}
        table = ours.maps['nyu12']
        assert table[0] == IGNORE_ID
        assert [spelled.get(ours.names[i], ours.names[i]) for i in table[1:]] == list(
            theirs.names[1:])

    def test_nyu40_maps_agree_with_those_of_mseg_where_classes_lie_between(self):
        space, nyu40 = load_label_space('matterport11'), load_label_space('nyu40')
        official = {name: index + 1 for index, name in enumerate(nyu40.names)}
        mseg_ids = {
            'door': 80, 'refridgerator': 24, 'night stand': 65, 'toilet': 28, 'bathtub': 29,
            'whiteboard': 86, 'floor mat': 173, 'counter': 77, 'bookshelf': 76, 'desk': 70,
            'blinds': 193, 'curtain': 169, 'shower curtain': 170, 'mirror': 85, 'pillow': 171}
        for name, mseg_id in mseg_ids.items():
            assert space.maps['nyu40'][official[name]] == space.maps['mseg'][mseg_id], name

    def test_stray_ids_are_ignored_and_counted_on_demand(self):
        space = load_label_space('scannet15')
        labels, strays = space.remap_known(np.array([[2, 50], [149, 255], [-1, 39]]), 'nyu40')
        assert labels.tolist() == [[1, 255], [255, 255], [255, 14]]
        assert strays == 3
        with pytest.raises(ConfigurationError, match=r'no map from .cityscapes.'):
            space.remap_known(np.zeros(1), 'cityscapes')


class TestUse:
    def test_colorize_keeps_the_shape_and_paints_ignored_cells_grey(self):
        space = load_label_space('nyu12')
        picture = space.colorize(np.array([[1, 255], [0, 40]], np.uint8))
        assert picture.shape == (2, 2, 3)
        assert picture[0, 0].tolist() == [214, 38, 40]
        assert picture[0, 1].tolist() == picture[1, 1].tolist() == [153, 153, 153]

    @given(st.lists(st.sampled_from([*range(41), 255]), max_size=30))
    def test_remapping_is_the_table_cell_by_cell_and_keeps_ignore(self, ids):
        space = load_label_space('nyu12')
        expected = [IGNORE_ID if i == 255 else int(space.maps['nyu40'][i]) for i in ids]
        assert space.remap(np.array(ids, np.uint8), 'nyu40').tolist() == expected

    def test_ids_outside_the_table_are_refused_with_the_id(self):
        with pytest.raises(DataError, match=r'41.*nyu40'):
            load_label_space('nyu12').remap(np.array([3, 41]), 'nyu40')
        with pytest.raises(DataError, match='-1'):
            load_label_space('nyu12').remap(np.array([-1]), 'nyu40')

    def test_an_unknown_source_lists_the_known_ones(self):
        with pytest.raises(ConfigurationError, match=r'cityscapes.*nyu36'):
            load_label_space('nyu12').remap(np.zeros(1), 'cityscapes')


class TestLoader:
    def test_an_own_yaml_file_is_loaded_by_path(self, tmp_path):
        path = write_space(
            tmp_path, 'name: own\nempty_id: 0\nclasses:\n'
            '- {name: empty, color: [0, 0, 0]}\n- {name: cup, color: [9, 8, 7], weight: 2.0}\n')
        space = load_label_space(path)
        assert (space.name, space.names) == ('own', ('empty', 'cup'))
        assert space.class_weights.tolist() == [1.0, 2.0]

    def test_an_unknown_name_lists_what_ships(self):
        with pytest.raises(ConfigurationError, match=r'nyu13x.*nyu12.*nor a YAML file'):
            load_label_space('nyu13x')

    @pytest.mark.parametrize(('text', 'complaint'), [
        ('classes: []', 'malformed'),
        ('name: a\nclasses:\n- {name: x}', 'malformed'),
        ('name: a\nclasses:\n- {name: x, color: [0, 0, 0]}\n- {name: x, color: [1, 0, 0]}',
         'repeat'),
        ('name: a\nclasses:\n- {name: x, color: [0, 0, 0]}\nmaps: {b: [1]}', "map 'b'"),
    ])
    def test_a_wrong_file_is_refused_with_its_path(self, tmp_path, text, complaint):
        path = write_space(tmp_path, text)
        with pytest.raises(ConfigurationError, match=complaint) as caught:
            load_label_space(path)
        assert path in str(caught.value)


GROUND = {'floor', 'floor mat', 'rug', 'road', 'parking', 'sidewalk', 'other-ground', 'terrain'}
OVERHEAD = {'ceiling', 'lamp', 'picture', 'window', 'traffic-sign', 'vegetation'}


@pytest.mark.parametrize('name', sorted(SIZES))
class TestSchema:
    """What every shipped file must look like."""

    def test_it_has_known_keys_only_and_is_named_as_its_file(self, root, name):
        path = root / 'ssc_ros' / 'labels' / 'spaces' / f'{name}.yaml'
        document = yaml.safe_load(path.read_text())
        assert set(document) <= {'name', 'empty_id', 'classes', 'maps'}
        assert document['name'] == name
        for entry in document['classes']:
            assert {'name', 'color'} <= set(entry) <= {
                'name', 'color', 'weight', 'persistence', 'cost'}
            assert isinstance(entry['name'], str) and len(entry['color']) == 3
            assert all(0 <= channel <= 255 for channel in entry['color'])
            assert entry.get('weight', 1) > 0 and entry.get('persistence', 1) > 0
            assert isinstance(entry.get('cost', 0), int) and 0 <= entry.get('cost', 0) <= 100

    def test_the_ground_is_free_what_stands_on_it_is_not_and_what_may_hang_has_no_cost(self, name):
        space = load_label_space(name)
        costs = dict(zip(space.names, space.costs.tolist(), strict=True))
        assert {name for name, cost in costs.items() if cost == 0} == GROUND & set(costs) != set()
        assert {costs[name] for name in OVERHEAD & set(costs)} <= {-1}
        standing = {'wall', 'chair', 'bed', 'sofa', 'table', 'person', 'car', 'building'}
        assert {costs[name] for name in standing & set(costs)} == {100}
        assert space.empty_id is None or costs[space.names[space.empty_id]] == -1


class TestCosts:
    def test_ids_and_spaces_without_cost_have_none(self, tmp_path):
        assert load_label_space('nyu12').cost_table[[2, 3, 255]].tolist() == [0, 100, -1]
        space = load_label_space(write_space(
            tmp_path, 'name: x\nclasses:\n- {name: a, color: [1, 2, 3]}\n'))
        assert (space.cost_table == -1).all()

    @pytest.mark.parametrize('cost', [101, -2, 300])
    def test_costs_out_of_range_are_refused(self, tmp_path, cost):
        path = write_space(tmp_path, 'name: x\nclasses:\n'
                           f'- {{name: a, color: [1, 2, 3], cost: {cost}}}\n')
        with pytest.raises(ConfigurationError, match='costs are 0 = free to 100'):
            load_label_space(path)


class TestPersistence:
    def test_walls_outlast_furniture_and_furniture_outlasts_people(self):
        rooms, roads = load_label_space('nyu12'), load_label_space('semantic_kitti20')
        lasting = {name: float(space.persistence_table[space.names.index(name)])
                   for space in (rooms, roads) for name in space.names}
        assert lasting['wall'] > lasting['sofa'] > lasting['objs'] == 1
        assert lasting['building'] > lasting['car'] > lasting['person']

    def test_ids_and_spaces_without_persistence_have_one(self):
        assert load_label_space('nyu12').persistence_table[255] == 1
        assert (load_label_space('nyu40').persistence_table == 1).all()

    def test_persistence_that_is_not_positive_is_refused(self, tmp_path):
        path = write_space(tmp_path, 'name: x\nclasses:\n'
                           '- {name: a, color: [1, 2, 3], persistence: 0}\n')
        with pytest.raises(ConfigurationError, match='persistence must be positive'):
            load_label_space(path)
