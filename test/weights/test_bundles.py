"""Bundles survive a round trip, and every damage is named together with its remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ssc_ros.errors import WeightsError
from ssc_ros.weights import (
    find_bundle,
    list_bundles,
    load_state,
    read_bundle_config,
    read_card,
    save_bundle,
    verify,
)

torch = pytest.importorskip('torch')

CONFIG = {'name': 'tiny', 'label_space': 'nyu12', 'grid_shape': [4, 4, 4]}


def tiny_state():
    return {
        'layer.weight': torch.tensor([[0.1, -2.0], [3.5, 1e-3]]),
        'norm.running_var': torch.tensor([1e6, 1.0]),
        'norm.num_batches_tracked': torch.tensor(2**40),
    }


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / 'tiny'
    save_bundle(folder, CONFIG, tiny_state(), '# Tiny\n')
    return folder


def test_a_bundle_can_be_found_and_read_by_path(bundle: Path) -> None:
    document = read_bundle_config(find_bundle(str(bundle)))
    assert document['model'] == 'occdepth'
    assert document['label_space'] == 'nyu12'
    assert document['config'] == CONFIG
    assert read_card(bundle) == '# Tiny\n'
    verify(bundle)


def test_weights_are_stored_in_half_precision_and_loaded_in_float32(bundle: Path) -> None:
    from safetensors.torch import load_file

    assert load_file(bundle / 'model.safetensors')['layer.weight'].dtype == torch.float16
    weight = load_state(bundle)['layer.weight']
    assert weight.dtype == torch.float32
    assert torch.equal(weight, tiny_state()['layer.weight'].half().float())


def test_values_too_large_for_half_precision_are_kept_exactly(bundle: Path) -> None:
    state = load_state(bundle)
    assert torch.equal(state['norm.running_var'], tiny_state()['norm.running_var'])
    assert state['norm.num_batches_tracked'].item() == 2**40


def test_full_precision_is_kept_on_request(tmp_path: Path) -> None:
    save_bundle(tmp_path / 'b', CONFIG, tiny_state(), '', half_precision=False)
    assert torch.equal(load_state(tmp_path / 'b')['layer.weight'], tiny_state()['layer.weight'])


def test_tensors_that_share_memory_can_be_saved(tmp_path: Path) -> None:
    shared = torch.ones(3)
    save_bundle(tmp_path / 'b', CONFIG, {'a': shared, 'b': shared}, '')
    assert set(load_state(tmp_path / 'b')) == {'a', 'b'}


def test_saving_again_replaces_the_bundle_and_leaves_nothing_behind(bundle: Path) -> None:
    save_bundle(bundle, {**CONFIG, 'name': 'second'}, {'w': torch.ones(1)}, 'card')
    assert read_bundle_config(bundle)['config']['name'] == 'second'
    assert set(load_state(bundle)) == {'w'}
    assert [path.name for path in bundle.parent.iterdir()] == ['tiny']


def test_a_failed_save_keeps_the_old_bundle(bundle: Path) -> None:
    with pytest.raises(KeyError):
        save_bundle(bundle, {'name': 'without label space'}, {'w': torch.ones(1)}, '')
    assert set(load_state(bundle)) == set(tiny_state())
    assert [path.name for path in bundle.parent.iterdir()] == ['tiny']


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / 'precious.txt').write_text('thesis')
    with pytest.raises(WeightsError, match='is no bundle'):
        save_bundle(tmp_path, CONFIG, tiny_state(), '')
    assert (tmp_path / 'precious.txt').exists()


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(WeightsError, match=r"'no_such' are neither a shipped bundle \(.*nor a"):
        find_bundle('no_such')


@pytest.mark.parametrize('name', ['config.json', 'model.safetensors'])
def test_a_missing_file_is_named(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    with pytest.raises(WeightsError, match=f'{name} is missing.*copy the whole folder'):
        find_bundle(bundle)


def test_a_flipped_bit_in_the_weights_is_found(bundle: Path) -> None:
    path = bundle / 'model.safetensors'
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match='safetensors is corrupt'):
        load_state(bundle)


def test_truncated_weights_are_found(bundle: Path) -> None:
    path = bundle / 'model.safetensors'
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(WeightsError, match='SHA-256'):
        load_state(bundle)


def test_weights_that_are_no_safetensors_are_refused_even_with_the_right_sum(
    bundle: Path,
) -> None:
    import hashlib

    (bundle / 'model.safetensors').write_bytes(b'not weights')
    document = json.loads((bundle / 'config.json').read_text())
    document['weights_sha256'] = hashlib.sha256(b'not weights').hexdigest()
    (bundle / 'config.json').write_text(json.dumps(document))
    with pytest.raises(WeightsError, match='is no safetensors file'):
        load_state(bundle)


@pytest.mark.parametrize(('text', 'message'), [
    ('{"format_version": 1', 'cannot be read'),
    ('[]', 'no JSON object'),
    ('{"format_version": 1, "model": "occdepth"}', 'lacks label_space, weights_sha256, config'),
])
def test_a_damaged_configuration_is_named(bundle: Path, text: str, message: str) -> None:
    (bundle / 'config.json').write_text(text)
    with pytest.raises(WeightsError, match=message):
        read_bundle_config(bundle)


def test_a_later_format_names_both_versions(bundle: Path) -> None:
    document = json.loads((bundle / 'config.json').read_text())
    (bundle / 'config.json').write_text(json.dumps({**document, 'format_version': 99}))
    with pytest.raises(WeightsError, match='format version 99, this package reads 1'):
        verify(bundle)


@pytest.mark.parametrize('name', list_bundles())
def test_shipped_bundles_are_whole_small_and_have_a_card(name: str) -> None:
    folder = find_bundle(name)
    verify(folder)
    assert len(read_card(folder)) > 500
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 30e6
