"""The surface of a volume as a coloured, labelled mesh, and its PLY file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError
from ssc_ros.fusion.marching_cubes import Isosurface, isosurface
from ssc_ros.fusion.scene_volume import TRUNCATION_VOXELS, SceneVolume
from ssc_ros.fusion.volume_grid import VolumeGrid

# Next to the truncation a zero between two voxels means nothing.
MAX_MAGNITUDE_VOXELS = TRUNCATION_VOXELS - 0.1

_PLY_TYPES = {'<f4': 'float', '|u1': 'uchar', '<i4': 'int'}


@dataclass(frozen=True, slots=True, eq=False)
class SceneMesh:
    """
    Triangles in the world.

    Attributes:
        vertices: (V, 3) float32 metres.
        faces: (F, 3) int32, counter-clockwise seen from free space.
        observed: (V,) bool: measured, not inferred; so were both voxels that it lies between.
        rgb: (V, 3) uint8, None without colours.
        labels: (V,) uint8 class, None without classes.
        confidence: (V,) float32 probability of the class, None without classes.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    observed: NDArray[np.bool_]
    rgb: NDArray[np.uint8] | None = None
    labels: NDArray[np.uint8] | None = None
    confidence: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MeshLayers:
    """
    Volumes that a mesh is made of; any part of a scene will do.

    Attributes:
        tsdf_voxels: (Z, Y, X) float32 distance in voxels, not finite where unknown.
        observed: (Z, Y, X) bool: measured, not inferred.
        near_surface: (Z, Y, X) bool: where a distance is more than its bound; all without.
        rgb: (Z, Y, X, 3) uint8.
        probabilities: (C, Z, Y, X) floating, of each class, for smooth borders; or
        labels, confidence: (Z, Y, X) uint8 class and its floating probability.
    """

    grid: VolumeGrid
    tsdf_voxels: NDArray[np.float32]
    observed: NDArray[np.bool_]
    near_surface: NDArray[np.bool_] | None = None
    rgb: NDArray[np.uint8] | None = None
    probabilities: NDArray[Any] | None = None
    labels: NDArray[np.uint8] | None = None
    confidence: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        shape = self.grid.shape
        for name in ('tsdf_voxels', 'observed', 'near_surface', 'rgb', 'labels', 'confidence'):
            values = getattr(self, name)
            if values is not None and values.shape[:3] != shape:
                raise DataError(f'{name} is {values.shape} but the grid is {shape}')
        if self.probabilities is not None and self.probabilities.shape[1:] != shape:
            raise DataError(f'probabilities are {self.probabilities.shape}, expected '
                            f'(classes, *{shape})')
        if (self.labels is None) != (self.confidence is None):
            raise DataError('labels and confidence belong together: give both or none')


def fused_mesh(volume: SceneVolume) -> SceneMesh:
    """Return the measured surface of a volume."""
    return surface_mesh(MeshLayers(
        volume.grid, volume.tsdf_voxels, observed=volume.weight > 0, rgb=volume.rgb))


def surface_mesh(layers: MeshLayers) -> SceneMesh:
    """Return the surface where distances change their sign."""
    tsdf = layers.tsdf_voxels
    if layers.near_surface is not None:
        tsdf = np.where(layers.near_surface, tsdf, np.float32(np.inf))
    surface = isosurface(tsdf, MAX_MAGNITUDE_VOXELS)
    rgb = None
    if layers.rgb is not None:
        rgb = np.rint(surface.interpolated(layers.rgb)).astype(np.uint8)
    labels, confidence = _classes(surface, layers)
    return SceneMesh(
        layers.grid.to_world(surface.vertices).astype(np.float32), surface.faces,
        surface.interpolated(layers.observed) == 1, rgb, labels, confidence)


def _classes(
    surface: Isosurface, layers: MeshLayers,
) -> tuple[NDArray[np.uint8] | None, NDArray[np.float32] | None]:
    if layers.probabilities is not None:
        probabilities = surface.interpolated(np.moveaxis(layers.probabilities, 0, -1))
        return probabilities.argmax(axis=1).astype(np.uint8), probabilities.max(axis=1)
    if layers.labels is None or layers.confidence is None:
        return None, None
    return (surface.nearest(layers.labels),
            surface.nearest(layers.confidence).astype(np.float32))


def write_ply(path: Path | str, mesh: SceneMesh) -> None:
    """
    Write a binary PLY file.

    Its vertices have x, y, z and observed (0 or 1); of a mesh with colours red, green and blue,
    of one with classes label and confidence.
    """
    columns: list[tuple[str, str, NDArray[Any]]] = [
        *(('xyz'[i], '<f4', mesh.vertices[:, i]) for i in range(3)),
        ('observed', '|u1', mesh.observed)]
    if mesh.rgb is not None:
        columns += [(name, '|u1', mesh.rgb[:, i])
                    for i, name in enumerate(('red', 'green', 'blue'))]
    if mesh.labels is not None and mesh.confidence is not None:
        columns += [('label', '|u1', mesh.labels), ('confidence', '<f4', mesh.confidence)]
    vertices = np.zeros(len(mesh.vertices), [(name, kind) for name, kind, _ in columns])
    for name, _, values in columns:
        vertices[name] = values
    faces = np.zeros(len(mesh.faces), [('count', 'u1'), ('corners', '<i4', 3)])
    faces['count'], faces['corners'] = 3, mesh.faces
    header = ['ply', 'format binary_little_endian 1.0', f'element vertex {len(vertices)}',
              *(f'property {_PLY_TYPES[kind]} {name}' for name, kind, _ in columns),
              f'element face {len(faces)}', 'property list uchar int vertex_indices',
              'end_header', '']
    with Path(path).open('wb') as file:
        file.write('\n'.join(header).encode('ascii'))
        file.write(vertices.tobytes())
        file.write(faces.tobytes())
