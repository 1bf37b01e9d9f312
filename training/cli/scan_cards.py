"""What only the model card of a network that completes scans says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssc_ros.metrics import format_table
from training.experiment import Experiment
from training.segmenters.opening import COLORS

SYNTHETIC = (
    'It was trained and scored on synthetic rooms painted by class, which no real room is: real\n'
    'colours tell it little, shapes more. It shows what the method does, and lets the mapping\n'
    'node run; train it on real scans before a robot depends on its classes.')
REAL = (
    'It was trained and scored on indoor scans of one kind of camera. Measure on your own before\n'
    'a robot depends on it.')


def scan_particulars(experiment: Experiment) -> dict[str, str]:
    """Return the fields of the card that say what was learned from what."""
    network, data = experiment.network, experiment.data
    return {
        'grid': ' x '.join(map(str, network.chunk_shape)),
        'voxel_size_m': f'{network.voxel_size_m:g}', 'root': data.root,
        'outputs': 'colours' if 'color' in network.decoders else 'no colours',
        'supervision': _supervision(experiment),
        'caution': SYNTHETIC if data.segmenter == COLORS else REAL}


def _supervision(experiment: Experiment) -> str:
    data = experiment.data
    if experiment.losses.supervision == 'voxels':
        return 'supervised by true classes of voxels'
    labels = (f'pseudo labels of images by the segmenter `{data.segmenter}`'
              if data.image_labels == 'pseudo' else 'true labels of images')
    height, width = data.view_size
    virtual = f'with {data.virtual_views}' if data.virtual_views else 'without'
    return (f'self-supervised in rendered views of {width} x {height} pixels,\n'
            f'{virtual} virtual views of each chunk, from {labels}')


def scan_scores_section(measured: Mapping[str, Any]) -> str:
    """Return the scores of all protocols, in percent."""
    from training.cli.evaluate_scans import SCORES, percent
    rows = [[label, *(percent(scores[key]) for scores in measured['protocols'].values())]
            for label, key in SCORES.items()]
    table = format_table(['score', *measured['protocols']], rows)
    return (f'On the {measured["scenes"]} scans of the {measured["split"]} split, in percent:\n\n'
            f'```\n{table}\n```')
