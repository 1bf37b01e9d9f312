"""Score predictions of other code, a bundle or a rule without learning on NYUv2 or NYUCAD."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.labels import load_label_space
from ssc_ros.metrics import (
    BenchmarkCounts,
    ScoredRegion,
    format_scores,
    sketch_region,
    sscnet_region,
)
from ssc_ros.models.registry import RANDOM_PREFIX
from ssc_ros.weights.bundles import CONFIG_FILE, list_bundles
from training.datasets.nyu import NyuSample, NyuSamples
from training.tables.measured import benchmark_result, write_result
from training.tables.predictions import FrameFolder, name_frames
from training.tables.rules import RULES

RULE_PREFIX = 'rule:'
WEIGHTS_SUFFIXES = ('.ckpt', '.pth', '.pt')


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOptions:
    """
    What is scored, and how.

    Attributes:
        predictions: folder with one file per frame, weights (see `NetworkLabels`), or
            `rule:<name>`.
        data: root of the data set.
        split: train or test.
        depth: kinect (NYUv2) or cad (NYUCAD).
        visibility: folder with SSCNet's evaluation volumes: score as SSCNet did.
        key: of the array in .npz files that hold several.
        skip_broken: score what is there and say how many frames are missing.
        row, seed: what this reproduces, and the seed of its training; a checkpoint knows both.
        out: folder of the results.
    """

    predictions: str
    data: Path
    split: str = 'test'
    depth: str = 'kinect'
    visibility: Path | None = None
    key: str | None = None
    skip_broken: bool = False
    row: str | None = None
    seed: int | None = None
    out: Path | None = None


def score(options: ScoreOptions) -> dict[str, Any]:
    """
    Print the scores of predictions and return them with intervals and provenance.

    They are also written to `<split>.json` in the folder of the results.

    Raises:
        DataError: a frame is missing or damaged and `skip_broken` is not set.
    """
    space = load_label_space('nyu12')
    scoring = _Scoring(options)
    counts, missing = scoring.run()
    if not counts.frame_ids:
        raise DataError(f'no frame of {options.predictions} could be scored: '
                        f'{next(iter(missing.values()))}')
    result = benchmark_result(
        counts, space.names, missing=list(missing), device=scoring.device,
        experiment=scoring.name, reproduces=scoring.row, split=options.split,
        seed=scoring.seed, predictions=options.predictions, depth=options.depth,
        protocol='sscnet' if options.visibility else 'sketch')
    print(format_scores(counts.scores(), space.names))
    for name, (low, high) in result['intervals'].items():
        print(f'{name}: {100 * low:.2f} to {100 * high:.2f} (95 %, bootstrap over frames)')
    print(f'{len(counts.frame_ids)} frames scored, {len(missing)} missing'
          + (f': {name_frames(missing)}; {next(iter(missing.values()))}' if missing else ''))
    path = write_result(options.out or Path('runs') / scoring.name, result, counts)
    print(f'written to {path}')
    return result


def _is_network(name: str) -> bool:
    return name.startswith(RANDOM_PREFIX) or name.endswith(WEIGHTS_SUFFIXES) or (
        name in list_bundles() or (Path(name) / CONFIG_FILE).is_file())


class _Scoring:
    """One pass over a split."""

    def __init__(self, options: ScoreOptions) -> None:
        self._options = options
        path = Path(options.predictions)
        self.name = path.stem if path.suffix in WEIGHTS_SUFFIXES else path.name
        self.row, self.seed, self.device = options.row, options.seed, 'cpu'
        self._folder: FrameFolder | None = None
        self._labels, images = self._open(options.predictions)
        self._visibility = FrameFolder(options.visibility) if options.visibility else None
        self._samples = NyuSamples(
            options.data, options.split, skip_broken=options.skip_broken, images=images,
            depth_source='cad' if options.depth == 'cad' else 'kinect')
        if not options.skip_broken:
            for files in filter(None, (self._folder, self._visibility)):
                files.check_complete(self._samples.frame_ids)

    def _open(
        self, name: str,
    ) -> tuple[Callable[[NyuSample], NDArray[np.uint8]], tuple[str, ...]]:
        """Return what predicts, and which images it reads."""
        if name.startswith(RULE_PREFIX):
            return self._open_rule(name[len(RULE_PREFIX):])
        if _is_network(name):
            from training.cli.network_labels import NetworkLabels
            network = NetworkLabels(name)
            self.device = network.device
            if network.experiment is not None:
                self.name = network.experiment.name
                self.row = self.row or network.experiment.reproduces
                self.seed = network.experiment.run.seed
            return network, network.images
        self._folder = folder = FrameFolder(Path(name), key=self._options.key)
        return (lambda sample: folder.labels(sample.frame_id)), ()

    def _open_rule(
        self, rule: str,
    ) -> tuple[Callable[[NyuSample], NDArray[np.uint8]], tuple[str, ...]]:
        if rule not in RULES:
            raise ConfigurationError(f'rule {rule!r} is unknown: choose from {", ".join(RULES)}')
        self.name = f'rules/{rule}'
        self.row = self.row or self.name
        return RULES[rule], ('label_map13',) if rule == 'nearest-label' else ()

    def run(self) -> tuple[BenchmarkCounts, dict[int, str]]:
        """Return the counts, and the frames that were left out with their reasons."""
        counts = BenchmarkCounts(12, sc_average='frames' if self._visibility else 'voxels')
        missing = {frame.frame_id: frame.reason for frame in self._samples.broken}
        frames = self._samples.frame_ids
        for place, frame_id in enumerate(tqdm(frames, desc=self._options.split, unit='frame')):
            try:
                sample = self._samples[place]
                counts.add(f'{frame_id:04d}', self._labels(sample), self._region(sample))
            except DataError as error:
                missing[frame_id] = f'frame {frame_id:04d}: {error}'
            if frame_id in missing and not self._options.skip_broken:
                raise DataError(missing[frame_id])
        return counts, missing

    def _region(self, sample: NyuSample) -> ScoredRegion:
        if self._visibility is not None:
            return sscnet_region(sample.labels, self._visibility.volume(sample.frame_id))
        return sketch_region(sample.labels, sample.label_weight, sample.pixel_of_voxel)
