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
