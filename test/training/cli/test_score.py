"""Tests of scoring predictions that other code wrote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training.__main__ import main

SHAPE = (60, 36, 60)
VOXELS = 60 * 36 * 60


def made_up_volumes(frame_id: int) -> dict[str, np.ndarray]:
    """Return labels, TSDF, weights and mapping that obey the rules of the real ones."""
    rng = np.random.default_rng(frame_id)
    labels = rng.choice(
        np.array([0, 2, 3, 10, 255], np.uint8), VOXELS, p=[0.4, 0.1, 0.1, 0.1, 0.3])
    tsdf = rng.uniform(-1, 1, VOXELS).astype(np.float32)
    weight = ((labels > 0) & (labels < 255)) | (tsdf < -0.5)
    mapping = np.full(VOXELS, 307200)
    mapping[:500] = 100 + np.arange(500)
    return {'labels': labels, 'tsdf': tsdf, 'weight': weight, 'mapping': mapping}


@pytest.fixture(scope='session')
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a package in the layout of 3D-Sketch with test frames 1, 2 and 9."""
    root = tmp_path_factory.mktemp('nyu')
    for folder in ('TSDF', 'Mapping', 'Label'):
        (root / folder).mkdir()
    for frame_id in (1, 2, 9):
        volumes, name = made_up_volumes(frame_id), f'{frame_id:04d}.npz'
        np.savez(root / 'TSDF' / name, volumes['tsdf'], volumes['weight'].astype(np.float64))
        np.savez(root / 'Mapping' / name, volumes['mapping'])
        np.savez(root / 'Label' / name, volumes['labels'].astype(np.int32))
    (root / 'test.txt').write_text('0001\n0002\n0009\n')
    return root


def true_labels(frame_id: int) -> np.ndarray:
    """Return a perfect prediction."""
    labels = made_up_volumes(frame_id)['labels']
    return np.where(labels == 255, 0, labels)


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    """Return a folder of perfect predictions, one in each of three layouts."""
    folder = tmp_path / 'network'
    folder.mkdir()
    np.save(folder / '0001.npy', true_labels(1).reshape(SHAPE).astype(np.int64))
    np.savez(folder / 'NYU0002_0000_voxels.npz', prediction=true_labels(2)[None])
    scores = np.eye(12, dtype=np.float16)[true_labels(9)].T.reshape(1, 12, *SHAPE)
    np.savez(folder / '0009.npz', scores)
    return folder


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def scored(*arguments: object) -> dict:
    assert main(['score', *map(str, arguments)]) == 0
    name = Path(str(arguments[0]).replace('rule:', 'rules/'))
    folder = name if name.parts[0] == 'rules' else Path(name.name)
    return json.loads((Path('runs') / folder / 'test.json').read_text())


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(['score', *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_perfect_predictions_in_any_layout_score_all(predictions: Path, package: Path) -> None:
    result = scored(predictions, '--data', package, '--row', 'nyu/ammnet-deeplab', '--seed', 3)
    assert (result['sc_iou'], result['sc_precision'], result['frames']) == (1, 1, 3)
    assert result['ssc_miou'] == pytest.approx(3 / 11)  # three classes occur
    assert (result['reproduces'], result['seed']) == ('nyu/ammnet-deeplab', 3)
    assert (result['missing'], result['protocol']) == ([], 'sketch')


def test_a_rule_is_scored_under_its_row(package: Path) -> None:
    result = scored('rule:not-occluded', '--data', package)
    assert result['reproduces'] == 'rules/not-occluded'
    assert result['sc_precision'] == 1


def test_a_missing_frame_stops_and_is_named(
    predictions: Path, package: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    (predictions / '0009.npz').unlink()
    assert '1 frames have no prediction: 0009' in refused(capsys, predictions, '--data', package)


@pytest.mark.parametrize('harm', ['missing', 'cut', 'truth', 'labels'])
def test_broken_frames_are_left_out_only_when_asked_for_and_counted(
    predictions: Path, package: Path, tmp_path: Path, harm: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = package
    if harm == 'missing':
        (predictions / '0009.npz').unlink()
    elif harm == 'cut':
        (predictions / '0009.npz').write_bytes(b'PK')
    elif harm == 'labels':
        np.savez(predictions / '0009.npz', np.full(SHAPE, 12))
    else:
        data = tmp_path / 'package'
        data.mkdir()
        for part in package.iterdir():
            (data / part.name).symlink_to(part)
        (data / 'Label').unlink()
        (data / 'Label').mkdir()
        for part in (package / 'Label').iterdir():
            (data / 'Label' / part.name).write_bytes(part.read_bytes())
        (data / 'Label/0009.npz').write_bytes(b'PK')
    assert '0009' in refused(capsys, predictions, '--data', data)
    result = scored(predictions, '--data', data, '--skip-broken')
    assert (result['frames'], result['missing'], result['sc_iou']) == (2, [9], 1)
    assert '2 frames scored, 1 missing: 0009' in capsys.readouterr().out


def test_nothing_left_to_score_is_an_error(
    predictions: Path, package: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    for path in predictions.iterdir():
        path.write_bytes(b'')
    assert 'no frame of' in refused(capsys, predictions, '--data', package, '--skip-broken')


def test_evaluation_volumes_switch_to_the_protocol_of_sscnet(
    predictions: Path, package: Path, tmp_path: Path,
) -> None:
    volumes = tmp_path / 'volumes'
    volumes.mkdir()
    for frame_id in (1, 2, 9):
        visibility = np.full(SHAPE, -2.0)
        visibility[:2 if frame_id == 1 else 1] = -1
        np.savez(volumes / f'NYU{frame_id:04d}_0000_vol_d4.npz', flipVol_ds=visibility)
    np.save(predictions / '0001.npy', np.zeros(SHAPE))
    result = scored(predictions, '--data', package, '--visibility', volumes)
    assert result['protocol'] == 'sscnet'
    # Two perfect frames and one without any hit, averaged though it has twice the voxels.
    assert result['sc_iou'] == pytest.approx(2 / 3)


def test_an_unknown_rule_names_the_known_ones(
    package: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert 'choose from all-furniture' in refused(capsys, 'rule:luck', '--data', package)


def test_a_split_that_is_not_there_is_named(
    predictions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert 'frame 0001 has no tsdf' in refused(capsys, predictions, '--data', tmp_path)


@pytest.fixture
def colours(package: Path, tmp_path: Path) -> Path:
    """Return a package of one test frame with a colour image."""
    import cv2

    data = tmp_path / 'colours'
    (data / 'RGB').mkdir(parents=True)
    for part in ('TSDF', 'Mapping', 'Label'):
        (data / part).symlink_to(package / part)
    (data / 'test.txt').write_text('0002\n')
    cv2.imwrite(str(data / 'RGB/NYU0002_colors.png'), np.zeros((480, 640, 3), np.uint8))
    return data


def test_a_network_is_scored_on_the_volumes_of_the_package(colours: Path) -> None:
    assert main(['score', 'random:ammnet/small', '--data', str(colours)]) == 0
    result = json.loads(Path('runs/small/test.json').read_text())
    assert result['frames'] == 1 and 0 <= result['ssc_miou'] < 0.2


def test_a_checkpoint_brings_its_row_and_seed(colours: Path, root: Path) -> None:
    import torch

    from ssc_ros.models.ammnet.network import AmmnetNetwork
    from training.experiment import load_experiment

    experiment = load_experiment(
        root / 'training/experiments/ammnet/small.yaml', ['run.seed=5'])
    state = AmmnetNetwork(experiment.network).state_dict()
    torch.save({
        'hyper_parameters': {'experiment': json.loads(json.dumps(experiment.to_dict()))},
        'state_dict': {f'network.{name}': tensor for name, tensor in state.items()},
        'global_step': 3}, 'step-3.ckpt')
    assert main(['score', 'step-3.ckpt', '--data', str(colours)]) == 0
    result = json.loads(Path('runs/small/test.json').read_text())
    assert (result['reproduces'], result['seed']) == ('robot/small', 5)


def test_an_official_checkpoint_is_refused_with_what_is_wrong(
    colours: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    import torch

    torch.save({'model': {'disc.logit.bias': torch.zeros(1)}}, 'ammnet.pth')
    assert 'no published configuration' in refused(capsys, 'ammnet.pth', '--data', colours)
    Path('cut.pth').write_bytes(Path('ammnet.pth').read_bytes()[:200])
    assert 'cut.pth cannot be read as weights only' in refused(
        capsys, 'cut.pth', '--data', colours)


def test_an_official_checkpoint_is_scored(
    colours: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ssc_ros.models.ammnet.presets import load_preset
    from training.cli import network_labels

    # The whole network takes half a minute a frame here: a small one stands in for it.
    monkeypatch.setattr(network_labels, 'read_official', lambda path: (
        config, network_labels.AmmnetNetwork(config).state_dict()))
    config = load_preset('small')
    assert main(['score', 'official.pth', '--data', str(colours), '--row',
                 'nyu/ammnet-segformer']) == 0
    result = json.loads(Path('runs/official/test.json').read_text())
    assert result['frames'] == 1 and result['reproduces'] == 'nyu/ammnet-segformer'


def test_other_networks_are_sent_elsewhere(
    package: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert 'ssc_ros evaluate' in refused(capsys, 'random:small', '--data', package)
