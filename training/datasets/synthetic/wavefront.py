"""Read Wavefront OBJ models with MTL materials out of a zip archive."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from zipfile import ZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Color = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ObjMaterial:
    """Diffuse sRGB colour and the archive path of a diffuse texture, if any."""

    color: Color = (0.7, 0.7, 0.7)
    texture: str | None = None


@dataclass(frozen=True, slots=True)
class ObjPart:
    """All triangles of one material, in the file's own axes and units."""

    material: ObjMaterial
    triangles: Float  # (T, 3, 3)
    normals: Float  # (T, 3, 3), zero where the file has none
    uvs: Float  # (T, 3, 2)


@dataclass
class _Faces:
    """Corner indices (position, texture, normal) collected per material; -1 = none."""

    positions: list[list[float]] = field(default_factory=list)
    uvs: list[list[float]] = field(default_factory=list)
    normals: list[list[float]] = field(default_factory=list)
    corners: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)

    def corner(self, text: str) -> tuple[int, int, int]:
        """Return zero-based indices of a face corner such as 3/1/2 or -1//-2."""
        counts = (len(self.positions), len(self.uvs), len(self.normals))
        parts = [*text.split('/'), '', ''][:3]
        v, t, n = (
            -1 if not part else (int(part) - 1 if int(part) > 0 else count + int(part))
            for part, count in zip(parts, counts, strict=True))
        return v, t, n

    def add_face(self, material: str, words: list[str]) -> None:
        """Add a polygon as a fan of triangles."""
        corners = [self.corner(word) for word in words]
        target = self.corners.setdefault(material, [])
        for i in range(1, len(corners) - 1):
            target += (corners[0], corners[i], corners[i + 1])


def read_obj(archive: ZipFile, path: str) -> list[ObjPart]:
    """Return the parts of a model, one per material that has triangles."""
    faces = _parse(archive.read(path).decode('utf-8', 'replace'))
    folder = posixpath.dirname(path)
    materials: dict[str, ObjMaterial] = {}
    names = set(archive.namelist())
    for library in faces.libraries:
        library_path = posixpath.normpath(posixpath.join(folder, library))
        if library_path in names:
            materials |= _read_mtl(archive.read(library_path).decode('utf-8', 'replace'), folder,
                                   names)
    # One row more than there are: index -1 (none) picks the zeros at the end.
    positions = np.array([*faces.positions, [0, 0, 0]], np.float32)
    normals = np.array([*faces.normals, [0, 0, 0]], np.float32)
    uvs = np.array([*faces.uvs, [0, 0]], np.float32)
    parts = []
    for name, corners in faces.corners.items():
        index = np.array(corners).reshape(-1, 3, 3)
        if len(index):
            parts.append(ObjPart(materials.get(name, ObjMaterial()), positions[index[..., 0]],
                                 normals[index[..., 2]], uvs[index[..., 1]]))
    return parts


def _parse(text: str) -> _Faces:
    faces, material = _Faces(), ''
    vectors = {'v': (faces.positions, 3), 'vt': (faces.uvs, 2), 'vn': (faces.normals, 3)}
    for line in text.replace('\\\n', ' ').splitlines():
        words = line.split()
        if not words:
            continue
        keyword = words[0]
        if keyword in vectors:
            target, length = vectors[keyword]
            target.append([float(word) for word in words[1:length + 1]])
        elif keyword == 'f':
            faces.add_face(material, words[1:])
        elif keyword == 'usemtl':
            material = line.split(None, 1)[1].strip() if len(words) > 1 else ''
        elif keyword == 'mtllib':
            faces.libraries.append(line.split(None, 1)[1].strip())
    return faces


def _read_mtl(text: str, folder: str, names: set[str]) -> dict[str, ObjMaterial]:
    colors: dict[str, Color] = {}
    textures: dict[str, str] = {}
    name = ''
    for line in text.splitlines():
        keyword, _, value = line.strip().partition(' ')
        value = value.strip()
        if keyword == 'newmtl':
            name = value
            colors[name] = (0.7, 0.7, 0.7)
        elif keyword == 'Kd':
            red, green, blue = (float(word) for word in value.split()[:3])
            colors[name] = (red, green, blue)
        elif keyword == 'map_Kd':
            path = posixpath.normpath(posixpath.join(folder, value.split()[-1]))
            if path in names:
                textures[name] = path
    return {key: ObjMaterial(color, textures.get(key)) for key, color in colors.items()}


def read_texture(archive: ZipFile, path: str, side: int = 256) -> NDArray[np.uint8] | None:
    """Return a texture as a (side, side, 3) uint8 RGB square, or None if it cannot be read."""
    image = cv2.imdecode(np.frombuffer(archive.read(path), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    square = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(square, cv2.COLOR_BGR2RGB).astype(np.uint8)
