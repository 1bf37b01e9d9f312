"""Read the vertices and triangles of PLY meshes, with all their properties."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import DataError

_TYPES = {
    'char': 'i1', 'int8': 'i1', 'uchar': 'u1', 'uint8': 'u1', 'short': 'i2', 'int16': 'i2',
    'ushort': 'u2', 'uint16': 'u2', 'int': 'i4', 'int32': 'i4', 'uint': 'u4', 'uint32': 'u4',
    'float': 'f4', 'float32': 'f4', 'double': 'f8', 'float64': 'f8'}
_ORDERS = {'ascii': '<', 'binary_little_endian': '<', 'binary_big_endian': '>'}


@dataclass(frozen=True, slots=True, eq=False)
class PlyMesh:
    """
    A mesh as its file holds it.

    Attributes:
        vertices: (V,) records with a field per property, e.g. x, y, z, label.
        faces: (F, 3) int64 vertices of the triangles; (0, 3) of point clouds.
    """

    vertices: NDArray[np.void]
    faces: NDArray[np.int64]

    @property
    def points(self) -> NDArray[np.float64]:
        """(V, 3) coordinates."""
        return np.stack([self.vertices[axis] for axis in 'xyz'], axis=1).astype(np.float64)


@dataclass(slots=True)
class _Element:
    name: str
    count: int
    fields: list[tuple[str, ...]]


def read_ply(path: Path | str) -> PlyMesh:
    """
    Read an ascii or binary PLY file.

    Raises:
        DataError: the file is missing or damaged, or has faces other than triangles.
    """
    try:
        data = Path(path).read_bytes()
        order, elements, body = _read_header(data)
        tables = _tables(order, elements, body)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f'{path} is not a PLY mesh of triangles ({error}): copy it again') \
            from error
    faces = tables.get('face')
    triangles = np.zeros((0, 3), np.int64)
    if faces is not None and len(faces):
        lengths, corners = (faces[name] for name in faces.dtype.names[:2])
        if (lengths != 3).any():
            raise DataError(f'{path} has faces of {int(lengths.max())} corners: '
                            'only triangles are read, triangulate the mesh')
        triangles = corners.astype(np.int64)
    return PlyMesh(tables['vertex'], triangles)


def _read_header(data: bytes) -> tuple[str, list[_Element], bytes]:
    end = data.index(b'end_header')
    start = data.index(b'\n', end) + 1
    lines = data[:end].decode('ascii', 'replace').split('\n')
    if lines[0].strip() != 'ply':
        raise ValueError('it does not begin with ply')
    order, elements = '', list[_Element]()
    for line in lines[1:]:
        words = line.split()
        if words[:1] == ['format']:
            order = words[1]
        elif words[:1] == ['element']:
            elements.append(_Element(words[1], int(words[2]), []))
        elif words[:1] == ['property']:
            elements[-1].fields.append(tuple(words[1:]))
    if order not in _ORDERS:
        raise ValueError(f'format {order!r} is unknown')
    return order, elements, data[start:]


def _record(element: _Element, order: str) -> np.dtype[np.void]:
    sign, fields = _ORDERS[order], list[tuple[str, str] | tuple[str, str, int]]()
    for words in element.fields:
        if words[0] == 'list':
            # Lists are read as triangles; another length shows in the field before.
            fields += [(f'{words[3]}_length', sign + _TYPES[words[1]]),
                       (words[3], sign + _TYPES[words[2]], 3)]
        else:
            fields.append((words[1], sign + _TYPES[words[0]]))
    return np.dtype(fields)


def _tables(order: str, elements: list[_Element], body: bytes) -> dict[str, NDArray[np.void]]:
    tables, at = dict[str, NDArray[np.void]](), 0
    lines = body.decode('ascii').split('\n') if order == 'ascii' else []
    for element in elements:
        record = _record(element, order)
        if order == 'ascii':
            tables[element.name] = _from_text(lines[at:at + element.count], record)
            at += element.count
        else:
            tables[element.name] = np.frombuffer(body, record, element.count, at)
            at += element.count * record.itemsize
        if element.name == 'face':
            break  # what follows faces is not read
    return tables


def _from_text(lines: list[str], record: np.dtype[np.void]) -> NDArray[np.void]:
    numbers = np.array([line.split() for line in lines], np.float64)
    table, column = np.zeros(len(lines), record), 0
    for name in record.names or ():
        width = int(np.prod(record[name].shape))
        values = numbers[:, column:column + width]
        table[name] = values if record[name].shape else values[:, 0]
        column += width
    return table


def write_ply(
    path: Path | str, vertices: NDArray[np.void], faces: NDArray[np.int64] | None = None,
) -> None:
    """Write vertex records and triangles as binary PLY, as ScanNet stores labelled meshes."""
    names = {np.dtype(code): name for name, code in reversed(_TYPES.items())}
    fields = vertices.dtype.fields or {}
    lines = ['ply', 'format binary_little_endian 1.0', f'element vertex {len(vertices)}']
    lines += [f'property {names[kind.newbyteorder("=")]} {name}'
              for name, (kind, *_) in fields.items()]
    triangles = np.zeros(0 if faces is None else len(faces), [('n', 'u1'), ('v', '<i4', 3)])
    if faces is not None:
        triangles['n'], triangles['v'] = 3, faces
        lines += [f'element face {len(faces)}', 'property list uchar int vertex_indices']
    header = '\n'.join([*lines, 'end_header', '']).encode()
    Path(path).write_bytes(header + vertices.tobytes() + triangles.tobytes())
