"""
Real furniture models from the sweethome3d-furniture archives, sorted into NYU classes.

The archives are read where they are installed or unpacked; nothing of them is kept except a
cache of parsed models on the user's disk. Their licences ask for the credits that credits()
returns.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from ssc_ros.errors import DataError

from .furniture import Piece, Surface
from .models import ModelPart, fill_cells, mip_levels
from .palette import BED, CHAIR, FURN, OBJS, SOFA, TABLE, TVS
from .solids import MESH, Material, Solid
from .wavefront import ObjPart, read_obj, read_texture

DEFAULT_FOLDER = '/usr/share/sweethome3d/furniture'
PACKAGE_HINT = ('install the Debian package sweethome3d-furniture, or unpack it (apt-get download '
                'sweethome3d-furniture; dpkg -x *.deb FOLDER) and name that folder')
LICENCES = {'Scopia': 'CC-BY 3.0', 'BlendSwap-CC-0': 'CC0', 'BlendSwap-CC-BY': 'CC-BY 3.0',
            'KatorLegaz': 'CC-BY 3.0 US'}
_CACHE_VERSION = 1
_MAX_OBJ_BYTES = 2_500_000  # larger models take seconds to parse and add nothing at this size


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of a catalogue; sizes in metres."""

    archive: str
    name: str
    category: str
    model: str
    size: tuple[float, float, float]  # width, depth, height
    rotation: tuple[float, ...]
    creator: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which catalogue entries may serve as a kind of furniture."""

    label: int
    names: str
    excluded: str = '$^'
    low: tuple[float, float, float] = (0.0, 0.0, 0.0)
    high: tuple[float, float, float] = (3.0, 3.0, 3.0)
    categories: str = ''

    def accepts(self, entry: Entry) -> bool:
        """Tell whether name, category and size fit."""
        return bool(
            re.search(self.names, entry.name, re.IGNORECASE)
            and not re.search(self.excluded, entry.name, re.IGNORECASE)
            and re.search(self.categories, entry.category)
            and all(a <= b <= c for a, b, c in zip(self.low, entry.size, self.high, strict=True)))


RULES = {
    'bed': _Rule(BED, r'\bbed\b', r'bedside|mezzanine|bunk|baby', (0.8, 1.8, 0.3),
                 (2.1, 2.4, 1.3)),
    'sofa': _Rule(SOFA, r'sofa|couch|armchair', r'opened', (0.7, 0.6, 0.6), (2.6, 1.7, 1.05),
                  'Living|Bedroom'),
    'dining_chair': _Rule(CHAIR, r'\bchair\b', r'high|wheel|desk|bar |child', (0.38, 0.38, 0.7),
                          (0.62, 0.68, 1.2), 'Living'),
    'office_chair': _Rule(CHAIR, r'chair|seat', r'toilet', (0.45, 0.45, 0.7), (1.0, 0.85, 1.2),
                          'Office'),
    'stool': _Rule(CHAIR, r'stool|bar chair|puff', '$^', (0.25, 0.25, 0.35), (0.95, 0.9, 1.12)),
    'dining_table': _Rule(TABLE, r'\btable\b', r'tennis|pool|football|fan|techn|dress|chang',
                          (0.7, 0.6, 0.65), (1.9, 1.3, 0.82), 'Living|Office'),
    'coffee_table': _Rule(TABLE, r'\btable\b', r'bed|tennis|child', (0.6, 0.4, 0.3),
                          (1.5, 1.1, 0.58), 'Living'),
    'side_table': _Rule(TABLE, r'\btable\b', r'bed|tennis|child|fan', (0.35, 0.3, 0.4),
                        (0.7, 0.7, 0.78), 'Living'),
    'desk': _Rule(TABLE, r'\bdesk\b', r'lamp', (0.9, 0.5, 0.65), (1.95, 0.95, 1.1), 'Office'),
    'wardrobe': _Rule(FURN, r'wardrobe|cupboard|high cabinet|^shelves', '$^', (0.5, 0.3, 1.4),
                      (2.2, 0.75, 2.3)),
    'bookshelf': _Rule(FURN, r'bookcase|shelves|contemporary living', r'upper',
                       (0.4, 0.25, 0.75), (2.6, 0.6, 2.3), 'Living|Bedroom|Office'),
    'dresser': _Rule(FURN, r'dresser|drawers|sideboard|chest\b|filing|^box$|lower cabinet',
                     r'freezer', (0.38, 0.3, 0.5), (1.8, 0.75, 1.2),
                     'Living|Bedroom|Office|Kitchen'),
    'nightstand': _Rule(FURN, r'bedside'),
    'counter': _Rule(FURN, r'lower cabinet|drawers cabinet|^sink|island', r'corner',
                     (0.4, 0.5, 0.7), (1.6, 0.8, 1.25), 'Kitchen'),
    'tv_stand': _Rule(FURN, r'tv stand|dresser with', '$^', (1.0, 0.3, 0.4),
                      (1.8, 0.7, 1.1), 'Living'),
    'tv': _Rule(TVS, r'^tv|flat tv', r'remote|stand', (0.4, 0.05, 0.3), (1.4, 0.4, 0.9)),
    'computer': _Rule(TVS, r'imac|ibook|laptop|computer|monitor', r'desk', (0.2, 0.1, 0.15),
                      (0.7, 0.6, 0.6)),
    'fridge': _Rule(OBJS, r'fridge|washing machine|dryer machine|dishwasher|stove|oven', '$^',
                    (0.5, 0.5, 0.55), (0.9, 0.75, 2.0), 'Kitchen'),
    'standing': _Rule(
        OBJS, r'plant|ficus|yucca|spath|cardboard|suitcase|upright piano|guitar|crate|barrel|'
        r'basket|dustbin|trash|speaker|vase|tree|safe|backpack|radiator|bike|cooler|aquarium',
        r'basketball|wall', (0.15, 0.12, 0.3), (1.45, 1.1, 1.9), 'Living|Misc|Office|Bath|Kitch'),
    'small': _Rule(
        OBJS, r'vase|lamp|flower|tulip|lily|orchid|teapot|bowl|bottle|\bbook|radio|phone|frame|'
        r'coffee m|toaster|microwave|little plant|succulent|cactus|bear|apples|gift|jar|blender|'
        r'bonsai|creamer|train|folded|hat|fan\b|candle|chess', r'street|park|porch|wall|ceiling',
        (0.05, 0.05, 0.05), (0.45, 0.42, 0.6)),
}


def archives(folder: Path | str) -> list[Path]:
    """
    Return the catalogue archives in a folder or below an unpacked package.

    Raises:
        DataError: there are none.
    """
    root = Path(folder)
    for place in (root, root / DEFAULT_FOLDER.lstrip('/')):
        found = sorted(place.glob('*.sh3f'))
        if found:
            return [path for path in found if path.stem in LICENCES]
    raise DataError(f'no furniture models (*.sh3f) in {folder}: {PACKAGE_HINT}')


def _entries(path: Path) -> Iterator[Entry]:
    """Yield the usable models of one archive: floor-standing or hung, of known size."""
    with ZipFile(path) as archive:
        text = archive.read('PluginFurnitureCatalog.properties').decode('latin-1')
        sizes = {info.filename: info.file_size for info in archive.infolist()}
    fields: dict[int, dict[str, str]] = {}
    for key, number, value in re.findall(r'^(\w+)#(\d+)\s*=\s*(.*?)\s*$', text, re.MULTILINE):
        fields.setdefault(int(number), {})[key] = value
    for number in sorted(fields):
        entry = fields[number]
        model = entry.get('model', '').lstrip('/')
        if not model.endswith('.obj') or not 0 < sizes.get(model, 0) <= _MAX_OBJ_BYTES:
            continue
        width, depth, height = (float(entry[key]) / 100 for key in ('width', 'depth', 'height'))
        rotation = tuple(float(word) for word in entry.get(
            'modelRotation', '1 0 0 0 1 0 0 0 1').split())
        yield Entry(str(path), entry['name'], entry.get('category', ''), model,
                    (width, depth, height), rotation, entry.get('creator', path.stem))


@lru_cache(maxsize=4)
def catalogue(folder: str) -> dict[str, tuple[Entry, ...]]:
    """Return the entries that may serve as each kind of furniture."""
    everything = [entry for path in archives(folder) for entry in _entries(path)]
    return {kind: tuple(entry for entry in everything if rule.accepts(entry))
            for kind, rule in RULES.items()}


def credits(folder: Path | str) -> str:
    """Return the attribution that every set rendered from these models must carry."""
    lines = ['# Credits', '',
             'Furniture models of the Sweet Home 3D libraries (https://www.sweethome3d.com), '
             'rescaled and rendered.', '', '| model | creator | library | licence |',
             '|---|---|---|---|']
    used = {(entry.name, entry.creator, Path(entry.archive).stem, entry.model)
            for entries in catalogue(str(folder)).values() for entry in entries}
    lines += [f'| {name} | {creator} | {library} | {LICENCES[library]} |'
              for name, creator, library, _ in sorted(used)]
    return '\n'.join(lines) + '\n'


@lru_cache(maxsize=96)
def load_piece(entry: Entry, label: int) -> Piece:
    """Return a model as a piece of furniture: one mesh solid per material."""
    width, depth, height = entry.size
    parts, materials = _load_parts(entry)
    center = (0.0, 0.0, height / 2)
    half = (width / 2, depth / 2, height / 2)
    solids = [Solid(MESH, center, half, 0.0, label, material, part)
              for part, material in zip(parts, materials, strict=True)]
    return Piece(solids, width, depth, height, _top_surface(parts[0], entry.size))


def _top_surface(part: ModelPart, size: tuple[float, float, float]) -> tuple[Surface, ...]:
    """Return the top of a model if it is a flat board that things may stand on."""
    assert part.cells is not None
    top = part.cells[:, :, -2:].any(axis=2)
    margin_x, margin_y = (max(1, round(length * 0.12)) for length in top.shape)
    middle = top[margin_x:-margin_x, margin_y:-margin_y]
    if middle.size < 60 or middle.mean() < 0.97:
        return ()
    x, y = size[0] / 2 - max(0.05, 0.12 * size[0]), size[1] / 2 - max(0.05, 0.12 * size[1])
    return (Surface((-x, x), (-y, y), size[2], 0.6 if size[2] < 1.3 else 0.3),)


def _cache_path(entry: Entry) -> Path:
    root = Path(os.environ.get('XDG_CACHE_HOME', Path.home() / '.cache'))
    name = re.sub(r'\W+', '_', f'{Path(entry.archive).stem}_{entry.model}')
    return root / 'ssc_ros' / 'furniture' / f'{name}.v{_CACHE_VERSION}.npz'


def _load_parts(entry: Entry) -> tuple[list[ModelPart], list[Material]]:
    path = _cache_path(entry)
    if not path.exists():
        _write_cache(path, entry)
    with np.load(path, allow_pickle=False) as data:
        cells = np.unpackbits(data['cells'], count=int(np.prod(data['shape']))).astype(bool)
        cells = cells.reshape(data['shape'])
        parts, materials = [], []
        for index, color in enumerate(data['colors']):
            texture = data[f'texture{index}']
            parts.append(ModelPart(
                data[f'triangles{index}'], data[f'normals{index}'], data[f'uvs{index}'],
                mip_levels(texture) if texture.size else None, float(data['tiles_per_m'][index]),
                cells if index == 0 else None))
            materials.append(_material(color, entry.model, index))
    return parts, materials


def _material(color: np.ndarray, model: str, index: int) -> Material:
    """Return a faintly textured paint of the model's colour."""
    linear = np.clip(color, 0.02, 0.97) ** 2.2
    offset = (sum(model.encode()) % 97 / 97, index * 0.31 % 1)
    low, high = (tuple(float(c) for c in np.clip(linear * gain, 0, 1)) for gain in (0.8, 1.12))
    return Material('plaster', low, high, 0.6, 0.14, 0.0, offset)  # type: ignore[arg-type]


def _write_cache(path: Path, entry: Entry) -> None:
    with ZipFile(entry.archive) as archive:
        parts = read_obj(archive, entry.model)
        textures = [read_texture(archive, part.material.texture) if part.material.texture else None
                    for part in parts]
    triangles, normals, uvs = _fitted(parts, entry)
    cells = fill_cells(np.concatenate(triangles), entry.size)
    fields: dict[str, np.ndarray] = {
        'cells': np.packbits(cells), 'shape': np.array(cells.shape),
        'colors': np.array([part.material.color for part in parts]),
        'tiles_per_m': np.array([_tiles_per_m(t, uv)
                                 for t, uv in zip(triangles, uvs, strict=True)])}
    for index, texture in enumerate(textures):
        fields[f'triangles{index}'] = triangles[index]
        fields[f'normals{index}'] = normals[index]
        fields[f'uvs{index}'] = uvs[index]
        fields[f'texture{index}'] = np.zeros(0, np.uint8) if texture is None else texture
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'{path.stem}.{os.getpid()}.partial')
    with partial.open('wb') as stream:
        np.savez(stream, **fields)
    partial.replace(path)


def _fitted(parts: list[ObjPart], entry: Entry) -> tuple[list[np.ndarray], ...]:
    """
    Turn y-up models to z-up with the front to -y and scale them to the catalogue's size.

    Returns:
        Triangles, corner normals and texture coordinates per part, without empty triangles.
    """
    upright = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    turn = upright @ np.array(entry.rotation).reshape(3, 3)
    turned = [part.triangles @ turn.T for part in parts]
    low = np.min([t.min(axis=(0, 1)) for t in turned], axis=0)
    high = np.max([t.max(axis=(0, 1)) for t in turned], axis=0)
    scale = np.asarray(entry.size) / np.maximum(high - low, 1e-6)
    triangles, normals, uvs = [], [], []
    for part, points in zip(parts, turned, strict=True):
        scaled = ((points - (low + high) / 2) * scale).astype(np.float32)
        edges = np.diff(scaled.astype(np.float64), axis=1)
        kept = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) > 1e-10
        normal = part.normals[kept] @ turn.T / scale
        length = np.linalg.norm(normal, axis=-1, keepdims=True)
        triangles.append(scaled[kept])
        normals.append((normal / np.maximum(length, 1e-9)).astype(np.float32))
        uvs.append(part.uvs[kept])
    return triangles, normals, uvs


def _tiles_per_m(triangles: np.ndarray, uvs: np.ndarray) -> float:
    """Return the typical texture repeats per metre of a part."""
    a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    area = np.linalg.norm(np.cross(a, b), axis=1).sum()
    c, d = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    area_uv = np.abs(c[:, 0] * d[:, 1] - c[:, 1] * d[:, 0]).sum()
    return float(np.sqrt(area_uv / max(area, 1e-9)))
