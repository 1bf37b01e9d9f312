"""``ssc_ros weights`` shows what a bundle is, and refuses corrupt ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssc_ros.cli import main
from ssc_ros.weights import bundles, save_bundle

torch = pytest.importorskip('torch')


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(bundles, 'SHIPPED_FOLDER', tmp_path)
    save_bundle(tmp_path / 'tiny', {'name': 'tiny', 'label_space': 'nyu12'},
                {'w': torch.ones(2)}, '# Tiny rooms\n')
    return tmp_path / 'tiny'


def test_shipped_bundles_are_listed(bundle: Path, capsys) -> None:
    assert main(['weights', 'list']) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ['tiny', 'occdepth', 'nyu12', '0.0']


def test_a_bundle_is_verified_and_its_card_shown(bundle: Path, capsys) -> None:
    assert main(['weights', 'info', 'tiny']) == 0
    text = capsys.readouterr().out
    assert '# Tiny rooms' in text
    assert 'nyu12' in text


def test_a_corrupt_bundle_is_refused(bundle: Path, capsys) -> None:
    (bundle / 'model.safetensors').write_bytes(b'garbage')
    assert main(['weights', 'info', str(bundle)]) == 1
    assert 'is corrupt' in capsys.readouterr().err


def test_an_installation_without_weights_says_what_to_do(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(bundles, 'SHIPPED_FOLDER', tmp_path)
    assert main(['weights', 'list']) == 1
    assert '--weights dummy' in capsys.readouterr().err


@pytest.mark.parametrize('network', ['occdepth', 'ammnet'])
def test_an_official_checkpoint_becomes_a_bundle_with_a_card(
    network: str, tmp_path: Path, capsys, monkeypatch,
) -> None:
    from types import SimpleNamespace

    def read(checkpoint, *, preset):
        config = SimpleNamespace(
            name=preset, to_dict=lambda: {'label_space': 'nyu12', 'preset': preset})
        return config, {'w': torch.ones(2)}

    monkeypatch.setattr(f'ssc_ros.models.{network}.conversion.read_official', read)
    assert main(['weights', 'convert', network, str(tmp_path / 'last.ckpt'),
                 str(tmp_path / 'mine'), '--preset', 'published']) == 0
    assert f'{network} published' in capsys.readouterr().out
    assert main(['weights', 'info', str(tmp_path / 'mine')]) == 0
    assert 'Converted from last.ckpt' in capsys.readouterr().out


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path, capsys) -> None:
    assert main(['weights', 'convert', 'ammnet', str(tmp_path / 'none.pth'),
                 str(tmp_path / 'mine')]) == 1
    assert 'none.pth does not exist' in capsys.readouterr().err
