from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap

import pytest
import torch

from ssc_ros.errors import WeightsError
from ssc_ros.weights.convert.checkpoint import read_checkpoint

# Writes a checkpoint whose hyper-parameters are of classes that this process cannot import,
# as omegaconf's are in official checkpoints.
WRITER = textwrap.dedent("""
    import collections, enum, sys, types
    import torch

    module = types.ModuleType('foreign_settings')
    class DictConfig:
        def __init__(self): self._content = {'lr': 2e-4}
        def __getstate__(self): return {'content': self._content, 'flags': [1, 2]}
        def __setstate__(self, state): raise SystemExit('code of the checkpoint was run')
    class Mode(enum.Enum):
        TRAIN = 1
    class Bag(dict):
        pass
    def make(): return Bag()
    for thing in (DictConfig, Mode, Bag, make):
        thing.__module__, thing.__qualname__ = 'foreign_settings', thing.__name__
        setattr(module, thing.__name__, thing)
    sys.modules['foreign_settings'] = module
    bag = Bag(); bag['a'] = 1
    torch.save({
        'state_dict': {'layer.weight': torch.arange(6.0).view(2, 3), 'note': 'not a tensor'},
        'hyper_parameters': {'config': DictConfig(), 'mode': Mode.TRAIN, 'bag': bag,
                             'nested': collections.defaultdict(list, x=[1])},
        'epoch': 3}, sys.argv[1])
""")


@pytest.fixture(scope='module')
def foreign_checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('checkpoint') / 'official.ckpt'
    subprocess.run([sys.executable, '-c', WRITER, str(path)], check=True)
    return path


def test_tensors_are_read_past_foreign_classes(foreign_checkpoint):
    state = read_checkpoint(foreign_checkpoint)
    assert list(state) == ['layer.weight']
    torch.testing.assert_close(state['layer.weight'], torch.arange(6.0).view(2, 3))
    assert 'foreign_settings' not in sys.modules


def test_a_bare_state_dict_is_read_too(tmp_path):
    torch.save({'layer.bias': torch.ones(2)}, tmp_path / 'weights.pth')
    assert list(read_checkpoint(tmp_path / 'weights.pth')) == ['layer.bias']


def test_the_format_before_torch_1_6_is_read_too(tmp_path):
    path = tmp_path / 'old.pth'
    torch.save({'layer.bias': torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    assert list(read_checkpoint(path)) == ['layer.bias']


class _Harmful:
    """An object whose unpickling calls a function."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_code_in_a_checkpoint_is_never_run(tmp_path):
    witness = tmp_path / 'witness'
    torch.save({'state_dict': {'layer.bias': torch.ones(2)},
                'bomb': _Harmful(subprocess.check_call, ['touch', str(witness)])},
               tmp_path / 'harmful.ckpt')
    assert list(read_checkpoint(tmp_path / 'harmful.ckpt')) == ['layer.bias']
    assert not witness.exists()


@pytest.mark.parametrize('is_new', [True, False])
def test_a_checkpoint_that_wants_the_operating_system_is_refused(tmp_path, is_new):
    witness = tmp_path / 'witness'
    torch.save({'bomb': _Harmful(os.system, f'touch {witness}')}, tmp_path / 'harmful.ckpt',
               _use_new_zipfile_serialization=is_new)
    with pytest.raises(WeightsError, match='cannot be read as weights only'):
        read_checkpoint(tmp_path / 'harmful.ckpt')
    assert not witness.exists()


@pytest.mark.parametrize('content', [b'', b'no checkpoint', pickle.dumps({'a': 1})])
def test_files_that_are_no_checkpoints_are_refused(tmp_path, content):
    path = tmp_path / 'broken.ckpt'
    path.write_bytes(content)
    with pytest.raises(WeightsError, match='cannot be read'):
        read_checkpoint(path)


def test_truncated_and_missing_checkpoints_are_refused(foreign_checkpoint, tmp_path):
    cut = tmp_path / 'cut.ckpt'
    cut.write_bytes(foreign_checkpoint.read_bytes()[:400])
    with pytest.raises(WeightsError, match='cannot be read'):
        read_checkpoint(cut)
    with pytest.raises(WeightsError, match='does not exist'):
        read_checkpoint(tmp_path / 'absent.ckpt')


def test_a_checkpoint_without_tensors_is_refused(tmp_path):
    torch.save({'state_dict': {}, 'epoch': 1}, tmp_path / 'empty.ckpt')
    with pytest.raises(WeightsError, match='holds no state_dict'):
        read_checkpoint(tmp_path / 'empty.ckpt')
