"""Tests of surfaces of constant value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.fusion.marching_cubes import EDGES, isosurface, triangle_table


def sphere(size: int = 24, radius: float = 8.0) -> np.ndarray:
    offset = np.indices((size, size, size)) - 11.3
    return (np.linalg.norm(offset, axis=0) - radius).astype(np.float32)


def directed_edges(faces: np.ndarray) -> list[tuple[int, int]]:
    return [tuple(pair) for pair in faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()]


def test_each_case_uses_exactly_the_edges_that_change_sides():
    table, counts = triangle_table()
    assert counts[0] == counts[255] == 0 and counts.max() == 5
    for case in range(256):
        crossed = {edge for edge, (corner, axis) in enumerate(EDGES)
                   if (case >> corner & 1) != (case >> (corner | 1 << axis) & 1)}
        assert set(table[case, :counts[case]].ravel().tolist()) == crossed


def test_a_sphere_has_its_volume_and_area():
    surface = isosurface(sphere())
    first, second, third = (surface.vertices[surface.faces[:, i]].astype(float) for i in range(3))
    normals = np.cross(second - first, third - first) / 2
    area, volume = np.linalg.norm(normals, axis=1).sum(), (normals * first).sum() / 3
    assert area == pytest.approx(4 * np.pi * 64, rel=0.01)
    # Positive: triangles turn counter-clockwise seen from outside.
    assert volume == pytest.approx(4 / 3 * np.pi * 512, rel=0.02)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_surfaces_of_noise_have_no_cracks(seed):
    noise = np.random.default_rng(seed).normal(size=(6, 5, 7)).astype(np.float32)
    edges = directed_edges(isosurface(np.pad(noise, 1, constant_values=1)).faces)
    assert len(set(edges)) == len(edges)
    assert {(b, a) for a, b in edges} == set(edges)


def test_vertices_lie_where_values_cross_zero():
    values = np.broadcast_to((np.arange(6) - 2.25)[:, None, None], (6, 4, 5)).astype(np.float32)
    surface = isosurface(values)
    np.testing.assert_allclose(surface.vertices[:, 2], 2.25)
    np.testing.assert_allclose(surface.interpolated(values), 0, atol=1e-6)
    assert (surface.nearest(values) == -0.25).all()
    assert len(surface.vertices) == 20 and len(surface.faces) == 2 * 3 * 4


@pytest.mark.parametrize('unknown', [-np.inf, np.inf, np.nan, 2.9, -3.0])
def test_cells_with_an_unknown_corner_have_no_surface(unknown):
    values = np.broadcast_to((np.arange(4) - 1.5)[:, None, None], (4, 5, 6)).copy()
    values[1, 2, 3] = unknown
    surface = isosurface(values.astype(np.float32), max_magnitude=2.9)
    assert len(surface.faces) == 2 * (4 * 5 - 4)
    x, y, _ = surface.vertices[surface.faces].mean(axis=1).T
    assert not ((abs(x - 3) < 0.99) & (abs(y - 2) < 0.99)).any()


@pytest.mark.parametrize('value', [1.0, -1.0, -np.inf])
def test_a_volume_on_one_side_has_no_surface(value):
    surface = isosurface(np.full((4, 5, 6), value, np.float32))
    assert surface.faces.shape == (0, 3) and surface.vertices.shape == (0, 3)
