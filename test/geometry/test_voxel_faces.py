from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssc_ros.geometry.voxel_faces import (
    DIRECTIONS,
    FACE_NORMALS,
    FACE_TRIANGLES,
    Rectangles,
    exposed_faces,
    merge_faces,
)

# 0 = empty; few values, so that there is something to merge.
VOLUMES = arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 3), elements=st.integers(0, 2))
Face = tuple[int, int, int, int, int]


def merged(volume: np.ndarray) -> Rectangles:
    cells, directions = exposed_faces(volume > 0)
    return merge_faces(cells, directions, volume[tuple(cells.T)])


def faces_one_by_one(volume: np.ndarray) -> set[Face]:
    """Return direction, cell and value of every face towards an empty neighbour."""
    found = set()
    for x, y, z in np.argwhere(volume).tolist():
        for index, (axis, is_high) in enumerate(DIRECTIONS):
            beside = [x, y, z]
            beside[axis] += 1 if is_high else -1
            inside = all(0 <= place < length
                         for place, length in zip(beside, volume.shape, strict=True))
            if not inside or not volume[tuple(beside)]:
                found.add((index, x, y, z, int(volume[x, y, z])))
    return found


def faces_of(rectangles: Rectangles) -> list[Face]:
    """Cut rectangles into faces again."""
    return [
        (int(direction), *(low + step).tolist(), int(value))
        for direction, low, size, value in zip(
            rectangles.directions, rectangles.cells, rectangles.sizes, rectangles.values,
            strict=True)
        for step in np.indices(size).reshape(3, -1).T]


@given(VOLUMES)
def test_every_exposed_face_is_covered_once_by_a_rectangle_of_its_value_and_nothing_else(volume):
    faces = faces_of(merged(volume))
    assert len(faces) == len(set(faces))
    assert set(faces) == faces_one_by_one(volume)


@given(VOLUMES)
def test_the_triangles_have_the_area_of_the_faces_and_turn_outwards(volume):
    rectangles = merged(volume)
    triangles = rectangles.corners[:, FACE_TRIANGLES]
    normals = np.cross(triangles[:, :, 1] - triangles[:, :, 0],
                       triangles[:, :, 2] - triangles[:, :, 0])
    assert np.abs(normals).sum() / 2 == len(exposed_faces(volume > 0)[0])
    lengths = np.abs(normals).sum(axis=-1, keepdims=True)
    expected = np.broadcast_to(FACE_NORMALS[rectangles.directions][:, None], normals.shape)
    np.testing.assert_array_equal(normals / np.maximum(lengths, 1), expected)


@given(VOLUMES)
def test_faces_in_any_order_give_the_same_rectangles(volume):
    cells, directions = exposed_faces(volume > 0)
    order = np.random.default_rng(len(cells)).permutation(len(cells))
    mixed = merge_faces(cells[order], directions[order], volume[tuple(cells[order].T)])
    assert len(mixed) == len(merged(volume))
    assert set(faces_of(mixed)) == faces_one_by_one(volume)


def test_a_block_of_one_value_is_six_rectangles():
    rectangles = merged(np.ones((3, 4, 5), np.uint8))
    assert sorted(map(tuple, rectangles.sizes.tolist())) == [
        (1, 4, 5), (1, 4, 5), (3, 1, 5), (3, 1, 5), (3, 4, 1), (3, 4, 1)]


def test_two_values_side_by_side_meet_at_a_line():
    volume = np.ones((4, 1, 4), np.uint8)
    volume[2:] = 2
    assert len(merged(volume)) == 10
    assert set(merged(volume).values.tolist()) == {1, 2}


def test_nothing_shown_has_no_faces():
    rectangles = merged(np.zeros((2, 3, 4), np.uint8))
    assert len(rectangles) == 0 and rectangles.corners.shape == (0, 4, 3)
