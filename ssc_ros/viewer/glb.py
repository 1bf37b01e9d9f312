"""Write voxel meshes as binary glTF 2.0: baked light, cell edges and stripes as textures."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ssc_ros.viewer.mesh import VoxelMesh

_TEXTURE_SIZE = 64
_EDGE_PX = 2
_EDGE_VALUE, _STRIPE_VALUE = 190, 180

_FLOAT, _UNSIGNED_SHORT, _UNSIGNED_INT, _UNSIGNED_BYTE = 5126, 5123, 5125, 5121
_VERTEX_BUFFER, _INDEX_BUFFER = 34962, 34963
_LINEAR, _LINEAR_MIPMAP, _CLAMP = 9729, 9987, 33071


def encode_glb(
    mesh: VoxelMesh, corner_colors: NDArray[np.float32], is_striped: NDArray[np.bool_],
) -> bytes:
    """
    Return a GLB file of two primitives, plain and striped faces.

    The material is unlit (KHR_materials_unlit): colours appear as given, light is baked in.

    Args:
        corner_colors: (F, 4, 3) sRGB in 0..1 at the face corners.
        is_striped: (F,) faces drawn with stripes.
    """
    blob = _Blob()
    primitives = [
        {'attributes': {
            'POSITION': blob.accessor(positions, 'VEC3', _FLOAT, _VERTEX_BUFFER, bounds=True),
            'COLOR_0': blob.accessor(colors, 'VEC4', _UNSIGNED_SHORT, _VERTEX_BUFFER),
            'TEXCOORD_0': blob.accessor(corners, 'VEC2', _UNSIGNED_SHORT, _VERTEX_BUFFER)},
         'indices': blob.accessor(triangles, 'SCALAR', _UNSIGNED_INT, _INDEX_BUFFER),
         'material': material}
        for material, (positions, colors, corners, triangles) in enumerate(
            _primitive(mesh, corner_colors, chosen) for chosen in (~is_striped, is_striped))
        if len(positions)]
    images = [{'bufferView': blob.view(_texture(striped)), 'mimeType': 'image/png'}
              for striped in (False, True)]
    document = {
        'asset': {'version': '2.0', 'generator': 'ssc_ros'}, 'scene': 0,
        'extensionsUsed': ['KHR_materials_unlit'],
        'scenes': [{'nodes': [0]}], 'nodes': [{'mesh': 0}], 'meshes': [{'primitives': primitives}],
        'materials': [
            {'pbrMetallicRoughness': {'baseColorTexture': {'index': index}},
             'extensions': {'KHR_materials_unlit': {}}} for index in range(2)],
        'textures': [{'source': index, 'sampler': 0} for index in range(2)], 'images': images,
        'samplers': [{'magFilter': _LINEAR, 'minFilter': _LINEAR_MIPMAP, 'wrapS': _CLAMP,
                      'wrapT': _CLAMP}]}
    return blob.file(document)


class _Blob:
    """The binary chunk of a GLB file and the descriptions of its parts."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []

    def view(self, data: bytes, target: int | None = None) -> int:
        entry = {'buffer': 0, 'byteOffset': len(self._data), 'byteLength': len(data)}
        self._views.append(entry if target is None else {**entry, 'target': target})
        self._data += data + bytes(-len(data) % 4)
        return len(self._views) - 1

    def accessor(
        self, values: NDArray[Any], kind: str, component: int, target: int, *,
        bounds: bool = False,
    ) -> int:
        entry: dict[str, Any] = {
            'bufferView': self.view(values.tobytes(), target), 'type': kind,
            'componentType': component, 'count': len(values),
            'normalized': component == _UNSIGNED_SHORT}
        if bounds:
            entry |= {'min': values.min(axis=0).tolist(), 'max': values.max(axis=0).tolist()}
        self._accessors.append(entry)
        return len(self._accessors) - 1

    def file(self, document: dict[str, Any]) -> bytes:
        described = {**document, 'bufferViews': self._views, 'accessors': self._accessors,
                     'buffers': [{'byteLength': len(self._data)}]}
        text = json.dumps(described).encode()
        text += b' ' * (-len(text) % 4)
        chunks = struct.pack('<I4s', len(text), b'JSON') + text
        chunks += struct.pack('<I4s', len(self._data), b'BIN\0') + bytes(self._data)
        return struct.pack('<4sII', b'glTF', 2, 12 + len(chunks)) + chunks


def _primitive(
    mesh: VoxelMesh, corner_colors: NDArray[np.float32], chosen: NDArray[np.bool_],
) -> Sequence[NDArray[Any]]:
    """Return positions, linear RGBA, texture corners and indices of the chosen faces."""
    count = int(chosen.sum())
    positions = mesh.vertices.reshape(-1, 4, 3)[chosen].reshape(-1, 3)
    linear = srgb_to_linear(corner_colors[chosen].reshape(-1, 3))
    colors = np.full((len(positions), 4), 65535, np.uint16)
    colors[:, :3] = np.round(linear * 65535)
    corners = np.tile(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.uint16) * 65535, (count, 1))
    return positions, colors, corners, mesh.triangles[:2 * count].reshape(-1).astype(np.uint32)


def srgb_to_linear(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return linear light of sRGB values in 0..1 (IEC 61966-2-1), as glTF wants its colours."""
    low, high = values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    return np.where(values <= 0.04045, low, high).astype(np.float32)


@lru_cache(maxsize=2)
def _texture(is_striped: bool) -> bytes:
    """Return the PNG of one cell face: white, darker along the border and, if so, in stripes."""
    rows, columns = np.indices((_TEXTURE_SIZE, _TEXTURE_SIZE))
    image = np.full(rows.shape, 255, np.uint8)
    if is_striped:
        image[(rows + columns) % _TEXTURE_SIZE < _TEXTURE_SIZE * 2 // 5] = _STRIPE_VALUE
    border = np.minimum(np.minimum(rows, columns), _TEXTURE_SIZE - 1 - np.maximum(rows, columns))
    image[border < _EDGE_PX] = _EDGE_VALUE
    _, data = cv2.imencode('.png', image)
    return bytes(data.tobytes())
