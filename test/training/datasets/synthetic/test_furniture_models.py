import os
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.synthetic import RoomRecipe, make_room
from training.datasets.synthetic.generate import write_credits
from training.datasets.synthetic.library import DEFAULT_FOLDER, RULES, catalogue, load_piece
from training.datasets.synthetic.models import fill_cells
from training.datasets.synthetic.palette import CHAIR
from training.datasets.synthetic.solids import Material, box, triangulate

GREY = Material('plaster', (0.5,) * 3, (0.6,) * 3, 1.0)
FOLDER = os.environ.get('SSC_ROS_FURNITURE', DEFAULT_FOLDER)


def has_models():
    """Tell whether the real models are there."""
    try:
        return bool(catalogue(FOLDER))
    except DataError:
        return False


needs_models = pytest.mark.skipif(
    not has_models(), reason=f'no sweethome3d-furniture in {FOLDER} (or $SSC_ROS_FURNITURE)')


def board(x, y, z):
    return triangulate([box(x, y, z, 1, GREY)])[0]


def test_a_closed_body_is_filled():
    cells = fill_cells(board((-0.3, 0.3), (-0.2, 0.2), (-0.25, 0.25)), (0.6, 0.4, 0.5))
    assert cells.shape == (30, 20, 25)
    assert cells.all()


def test_a_shelf_open_at_the_front_stays_empty_inside():
    x, y, z = (-0.3, 0.3), (-0.2, 0.2), (-0.3, 0.3)
    triangles = np.concatenate([
        board((-0.3, -0.28), y, z), board((0.28, 0.3), y, z), board(x, (0.18, 0.2), z),
        board(x, y, (-0.3, -0.28)), board(x, y, (0.28, 0.3))])
    cells = fill_cells(triangles, (0.6, 0.4, 0.6))
    assert not cells[5:-5, 2:10, 5:-5].any()
    assert cells[:, -1].all()


def test_the_space_under_a_table_stays_empty():
    triangles = np.concatenate([
        board((-0.5, 0.5), (-0.4, 0.4), (0.33, 0.36)),
        *(board((x - 0.03, x + 0.03), (y - 0.03, y + 0.03), (-0.36, 0.33))
          for x in (-0.45, 0.45) for y in (-0.35, 0.35))])
    cells = fill_cells(triangles, (1.0, 0.8, 0.72))
    assert cells[:, :, -1].all()
    assert not cells[6:-6, 6:-6, :30].any()


@pytest.fixture
def tiny_library(tmp_path, monkeypatch):
    """Write a catalogue of one chair, a wedge in odd units."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    obj = ('mtllib chair.mtl\nv 0 0 0\nv 4 0 0\nv 4 0 2\nv 0 0 2\nv 0 8 0\nv 4 8 0\n'
           'vt 0 0\nvt 1 0\nvt 1 1\nvn 0 1 0\nusemtl wood\n'
           'f 1/1/1 2/2/1 3/3/1 4/1/1\nf -6 -5 -1 -2\nf 4 3 6 5\nf 1 4 5\nf 2 6 3\n')
    properties = ('id#1=x\nname#1=Chair\ncategory#1=Living room\nmodel#1=/c/chair.obj\n'
                  'width#1=40\ndepth#1=50\nheight#1=80\ncreator#1=Somebody\n')
    with ZipFile(tmp_path / 'Scopia.sh3f', 'w') as archive:
        archive.writestr('PluginFurnitureCatalog.properties', properties)
        archive.writestr('c/chair.obj', obj)
        archive.writestr('c/chair.mtl', 'newmtl wood\nKd 0.5 0.25 0.1\n')
    return tmp_path


def test_models_take_the_size_of_their_catalogue(tiny_library):
    entry, = catalogue(str(tiny_library))['dining_chair']
    piece = load_piece(entry, CHAIR)
    corners = np.concatenate([solid.model.triangles.reshape(-1, 3) for solid in piece.solids])
    np.testing.assert_allclose(corners.max(axis=0) - corners.min(axis=0), [0.4, 0.5, 0.8],
                               rtol=1e-5)
    # The high edge lies at z = 0 of the file, the back: +y of a piece.
    assert corners[corners[:, 2] > 0.39][:, 1].min() == pytest.approx(0.25)
    assert {solid.label for solid in piece.solids} == {CHAIR}
    assert piece.solids[0].model.cells.shape == (20, 25, 40)


def test_credits_name_creator_and_licence(tiny_library):
    write_credits(tiny_library / 'set', 'furniture', str(tiny_library))
    text = (tiny_library / 'set' / 'CREDITS.md').read_text()
    assert '| Chair | Somebody | Scopia | CC-BY 3.0 |' in text
    write_credits(tiny_library / 'other', 'procedural', str(tiny_library))
    assert not (tiny_library / 'other').exists()


def test_a_missing_package_is_named_with_the_remedy(tmp_path):
    with pytest.raises(DataError, match='install the Debian package'):
        make_room(RoomRecipe(domain='furniture', furniture=str(tmp_path)))


@needs_models
def test_the_real_library_serves_every_kind():
    assert not [kind for kind in RULES if not catalogue(FOLDER)[kind]]


@needs_models
def test_rooms_of_real_models_are_deterministic_and_consistent():
    first, second = (make_room(RoomRecipe('test', 4, domain='furniture', furniture=FOLDER))
                     for _ in range(2))
    np.testing.assert_array_equal(first.left, second.left)
    np.testing.assert_array_equal(first.voxel_labels, second.voxel_labels)
    free = first.voxel_labels[first.occlusion == 1]
    assert (free == 0).mean() > 0.96
    assert Path(FOLDER).exists()
