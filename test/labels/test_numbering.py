"""Ids go between label spaces and the counting of data sets without loss."""

from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.labels import available_label_spaces, load_label_space
from ssc_ros.labels.numbering import (
    class_names,
    from_data_set_ids,
    to_data_set_ids,
    translate_labels,
)


@pytest.mark.parametrize('name', available_label_spaces())
def test_every_class_survives_the_way_there_and_back(name):
    space = load_label_space(name)
    labels = np.array([*space.occupied_ids, 255], np.uint8)
    ids = to_data_set_ids(labels, space)
    assert ids.tolist() == [*range(1, len(class_names(space)) + 1), 0]
    np.testing.assert_array_equal(from_data_set_ids(ids, space), labels)


def test_free_space_is_no_class_of_an_image():
    space = load_label_space('nyu12')
    assert to_data_set_ids(np.zeros(1, np.uint8), space).tolist() == [0]
    assert from_data_set_ids(np.zeros(1, np.uint8), space).tolist() == [255]


def test_an_id_outside_the_space_is_refused():
    with pytest.raises(DataError, match="id 77 is outside label space 'nyu12'"):
        to_data_set_ids(np.array([[1, 77]], np.uint8), load_label_space('nyu12'))


def test_the_40_classes_become_the_11_of_scene_completion():
    nyu40, nyu12 = load_label_space('nyu40'), load_label_space('nyu12')
    names = ('wall', 'floor', 'cabinet', 'sofa', 'television', 'pillow')
    labels = np.array([nyu40.names.index(name) for name in names] + [255], np.uint8)
    translated = translate_labels(labels, nyu40, nyu12)
    assert [nyu12.names[index] for index in translated[:-1]] == [
        'wall', 'floor', 'furn', 'sofa', 'tvs', 'objs']
    assert translated[-1] == 255
    assert translate_labels(labels, nyu40, nyu40) is labels


def test_spaces_without_a_map_are_refused_by_name():
    with pytest.raises(ConfigurationError, match="no map from 'sunrgbd37'"):
        translate_labels(np.zeros(1, np.uint8), load_label_space('sunrgbd37'),
                         load_label_space('nyu12'))
