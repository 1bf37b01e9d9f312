"""Tests of python -m training.datasets.nyu."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.errors import DataError
from training.datasets.nyu import NyuSamples
from training.datasets.nyu.__main__ import main


@pytest.fixture(scope='module')
def one_raw_frame(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('raw')
    shutil.copytree(release / 'depthbin' / 'NYUtest', root / 'NYUtest')
    for suffix in ('bin', 'png'):
        (root / 'NYUtest' / f'NYU0002_0000.{suffix}').unlink()
    return root


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_a_release_is_converted_and_verified(
    one_raw_frame: Path, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    assert run('convert', one_raw_frame, tmp_path, '--workers', 1, '--sketch',
               '--rgb', release) == 0
    assert capsys.readouterr().out.startswith('1 frames in')
    assert (tmp_path / 'NYU' / 'sketch3D' / '0001.npy').is_file()
    assert NyuSamples(tmp_path / 'NYU', 'test')[0].rgb is not None
    assert run('verify', tmp_path / 'NYU', '--split', 'test', '--raw', one_raw_frame) == 0
    assert '1 recomputed, 0 of these differ' in capsys.readouterr().out
    assert run('verify', tmp_path / 'NYU', '--split', 'test', '--raw', one_raw_frame,
               '--k', 'sscnet') == 1


def test_verification_reads_images_too(
    tiny_nyu: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    root = Path(shutil.copytree(tiny_nyu, tmp_path / 'NYU'))
    image = root / 'Label40' / '0002.png'
    image.write_bytes(image.read_bytes()[:-20])
    assert run('verify', root) == 1
    assert '0002.png is damaged' in capsys.readouterr().err
    assert run('verify', root, '--skip-broken') == 1
    assert '4 frames read and checked, 0 recomputed' in capsys.readouterr().out


def test_volumes_are_made_by_the_rules_asked_for(one_raw_frame: Path, tmp_path: Path) -> None:
    assert run('convert', one_raw_frame, tmp_path, '--workers', 1, '--k', 'sscnet', '--start', 1,
               '--flip', '--projective') == 0
    tsdf = NyuSamples(tmp_path / 'NYU', [1], images=())[0].tsdf
    assert abs(np.median(tsdf)) == np.float32(0.001)
    assert tsdf.min() < -0.1 < 0.1 < tsdf.max()
    assert np.load(tmp_path / 'NYU' / 'camera_poses.npz')['K'][0, 2] == 320
    (tmp_path / 'NYU' / 'conversion.json').write_text('{}')
    with pytest.raises(DataError, match=r'conversion\.json is damaged'):
        NyuSamples(tmp_path / 'NYU', [1])


def test_the_fixture_is_written_counted_and_packed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / 'NYU'
    assert run('fixture', root) == 0
    assert run('statistics', root, '--json', tmp_path / 'counts.json') == 0
    output = capsys.readouterr().out
    assert 'not the whole list of ids' in output
    counts = json.loads((tmp_path / 'counts.json').read_text())
    assert counts['ssc_voxels'] == 5 * 83587
    assert run('pack', root, tmp_path / 'packed', '--images', 'rgb', '--tsdf', 'float16') == 0
    assert NyuSamples(tmp_path / 'packed', 'train').frame_ids == (3, 4, 5)
    assert NyuSamples(tmp_path / 'packed', 'train')[0].label_map13 is None


def test_nyucad_volumes_are_counted_beside_those_of_the_kinect(
    tiny_nyu: Path, tmp_path: Path,
) -> None:
    root = Path(shutil.copytree(tiny_nyu, tmp_path / 'NYU'))
    shutil.copytree(tiny_nyu / 'TSDF', tmp_path / 'NYUCAD' / 'TSDF')
    shutil.copytree(tiny_nyu / 'Mapping', tmp_path / 'NYUCAD' / 'Mapping')
    sample = NyuSamples(root, [1], images=())[0]
    np.savez(tmp_path / 'NYUCAD' / 'TSDF' / '0001.npz', -np.abs(sample.tsdf))
    counts = {}
    for weights in ('official', 'own'):
        assert run('statistics', root, '--depth-source', 'cad', '--cad-weights', weights, '--json',
                   tmp_path / f'{weights}.json') == 0
        counts[weights] = json.loads((tmp_path / f'{weights}.json').read_text())['ssc_voxels']
    assert counts['official'] == 5 * 83587 < counts['own']


def test_broken_frames_are_counted_in_the_output(
    tiny_nyu: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    root = Path(shutil.copytree(tiny_nyu, tmp_path / 'NYU'))
    (root / 'TSDF' / '0004.npz').write_bytes(b'no zip')
    assert run('statistics', root) == 1
    assert '0004.npz is damaged' in capsys.readouterr().err
    assert run('statistics', root, '--skip-broken') == 0
    output = capsys.readouterr().out
    assert '1 frames left out' in output
    assert '0004.npz is damaged' in output


def test_the_raw_fixture_is_a_release(tmp_path: Path) -> None:
    assert run('fixture', tmp_path, '--raw') == 0
    names = {path.name for path in (tmp_path / 'depthbin' / 'NYUtrain').iterdir()}
    assert names == {f'NYU000{i}_0000.{suffix}' for i in (3, 4, 5) for suffix in ('bin', 'png')}
