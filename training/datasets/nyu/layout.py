"""The names that published packages give to the files of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ssc_ros.errors import DataError

from .splits import read_split_list, split_of, standard_ids

# Several names per kind, because the packages differ: 3D-Sketch, AMMNet and CleanerS, CVSformer.
PATTERNS: dict[str, tuple[str, ...]] = {
    'rgb': ('RGB/NYU{id:04d}_colors.png', 'RGB/NYU{id:04d}_colors.jpg',
            '{split}/RGB/NYU{id:04d}_rgb.png'),
    'tsdf': ('TSDF/{id:04d}.npz', 'T/{id:04d}.npz'),
    'mapping': ('Mapping/{id:04d}.npz',),
    'labels': ('Label/{id:04d}.npz', 'L/{id:04d}.npz'),
    'label_map13': ('seg_result_label13/{id:04d}.png',),
    'label_map40': ('Label40/{id:04d}.png',),
    'depth': ('Depth/{id:04d}.png', 'depthbin/NYU{split}/NYU{id:04d}_0000.png'),
    'sketch': ('sketch3D/{id:04d}.npy',),
    'cad_depth': ('Depth/{id:04d}.png', 'depthbin/NYUCAD{split}/NYU{id:04d}_0000.png'),
    'cad_tsdf': ('TSDF/{id:04d}.npz', '{split}/TSDF_lr/NYU{id:04d}_0000_voxels.npz'),
    'cad_mapping': ('Mapping/{id:04d}.npz', '{split}/mapping/NYU{id:04d}_0000_voxels.npz'),
}
REQUIRED = ('tsdf', 'mapping', 'labels')
_RGB_SUFFIX = '_rgb.png'


@dataclass(frozen=True, slots=True)
class Layout:
    """
    Finds the files of one package folder.

    >>> Layout(Path('NYU')).names('tsdf', 7)
    'TSDF/0007.npz or T/0007.npz'
    """

    root: Path

    def candidates(self, kind: str, frame_id: int) -> list[str]:
        """Return every name that a file of this kind may have, below the root."""
        split = split_of(frame_id)
        other = 'train' if split == 'test' else 'test'
        names = [pattern.format(id=frame_id, split=half)
                 for pattern in PATTERNS[kind] for half in (split, other)]
        return list(dict.fromkeys(names))

    def names(self, kind: str, frame_id: int) -> str:
        """Return the candidates as a phrase."""
        return ' or '.join(self.candidates(kind, frame_id))

    def find(self, kind: str, frame_id: int) -> Path | None:
        """Return the file of a frame, None where there is none."""
        paths = (self.root / name for name in self.candidates(kind, frame_id))
        return next((path for path in paths if path.is_file()), None)

    def get(self, kind: str, frame_id: int) -> Path:
        """
        Return the file of a frame.

        Raises:
            DataError: there is none.
        """
        path = self.find(kind, frame_id)
        if path is None:
            raise DataError(
                f'frame {frame_id:04d} has no {kind} below {self.root}: expected '
                f'{self.names(kind, frame_id)}; copy it from the package or run python -m '
                'training.datasets.nyu convert')
        return path

    def ids(self, split: str) -> tuple[int, ...]:
        """
        Return the frames of a split: train, test or all.

        By the list beside the data, else by the images in the folder of the split (AMMNet), else
        the standard ones.
        """
        standard = standard_ids(split)
        if split == 'all':
            ids = {*self.ids('train'), *self.ids('test')}
            return tuple(sorted(ids))
        if (self.root / f'{split}.txt').is_file():
            return read_split_list(self.root / f'{split}.txt')
        images = sorted((self.root / split / 'RGB').glob(f'NYU????{_RGB_SUFFIX}'))
        return tuple(int(image.name[3:7]) for image in images) or standard
