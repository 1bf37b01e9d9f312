"""Class maps cover their taxonomies and hit the classes of their targets."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.labels import available_label_spaces, load_label_space
from ssc_ros.labels.numbering import translate_labels
from training.segmenters import available_class_maps, load_class_map


@pytest.mark.parametrize(('source', 'target'), available_class_maps())
def test_a_map_reaches_every_class_that_it_can(source, target):
    class_map = load_class_map(source, target)
    assert class_map.target.name == target
    if source in available_label_spaces():
        assert class_map.unlisted(load_label_space(source).names) == ()
        assert set(class_map.ids) == {
            name.lower() for name in load_label_space(source).names}


@pytest.mark.parametrize('source', ['ade20k', 'eigen13', 'nyu12', 'nyu40'])
def test_the_eleven_classes_of_matterport_are_all_reached(source):
    ids = load_class_map(source, 'matterport11').ids.values()
    assert set(ids) - {255} == set(range(11))


def test_ade20k_has_its_150_classes_in_both_maps():
    maps = [load_class_map('ade20k', target).ids for target in ('matterport11', 'scannet15')]
    assert len(maps[0]) == 150
    assert maps[0].keys() == maps[1].keys()


def test_names_and_ids_agree_on_scannet():
    nyu40, scannet15 = load_label_space('nyu40'), load_label_space('scannet15')
    ids = np.arange(40, dtype=np.uint8)
    np.testing.assert_array_equal(
        load_class_map('nyu40', 'scannet15').table(nyu40.names)[ids],
        translate_labels(ids, nyu40, scannet15))


def test_spelling_of_hub_models_does_not_matter():
    class_map = load_class_map('ade20k', 'matterport11')
    names = class_map.target.names
    for name in ('bed ', 'Bed', 'windowpane, window ', 'chest_of_drawers', 'table;desk'):
        assert class_map.id_of(name) != 255
    assert names[class_map.id_of('windowpane, window ')] == 'window'
    assert class_map.id_of('spaceship') == 255
    assert class_map.unlisted(['wall', 'spaceship']) == ('spaceship',)


def test_a_space_maps_to_itself():
    table = load_class_map('scannet15', 'scannet15').table(load_label_space('scannet15').names)
    assert table[:15].tolist() == list(range(15))
    assert (table[15:] == 255).all()


def test_an_unknown_map_is_named():
    with pytest.raises(ConfigurationError, match='known are'):
        load_class_map('cityscapes', 'matterport11')
