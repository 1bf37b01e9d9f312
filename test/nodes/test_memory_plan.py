from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.nodes import memory_probe
from ssc_ros.nodes.memory_plan import SPARE_BYTES, MemoryPlan
from ssc_ros.nodes.memory_probe import Probe, free_bytes, held_bytes, resident_bytes

MB = 1_000_000
PLAN = MemoryPlan('cpu', 200 * MB, 30 * MB, 20 * MB, 300 * MB, (80 * MB, 'Conv3d'), 800 * MB)


def test_the_plan_is_one_line_with_all_numbers():
    assert PLAN.line() == (
        'memory plan on cpu: weights 200.0 MB, one frame 300.0 MB with tables 30.0 MB, outputs '
        '20.0 MB, largest result of a layer 80.0 MB (Conv3d); together 500.0 MB of 800.0 MB free')
    assert MemoryPlan('cpu', 5 * MB).line() == (
        'memory plan on cpu: weights 5.0 MB; together 5.0 MB')


@pytest.mark.parametrize(('free', 'is_refused'), [
    (500 * MB + SPARE_BYTES - 1, True), (500 * MB + SPARE_BYTES, False), (None, False)])
def test_a_plan_larger_than_what_is_free_is_refused_with_numbers(free, is_refused):
    plan = MemoryPlan('cpu', 200 * MB, frame=300 * MB, free=free)
    if not is_refused:
        plan.check()
        return
    with pytest.raises(ConfigurationError, match=r'500\.0 MB of 600\.0 MB free, of which 100\.0'):
        plan.check()


def test_arrays_are_counted_once_however_they_are_held():
    array = np.zeros(1000, np.float64)
    holder = SimpleNamespace(
        table={'a': array, 'view': array[10:20]}, others=[np.zeros(10, np.uint8), array.T],
        name='x', itself=None)
    holder.itself = holder
    assert held_bytes(holder) == 8010


def test_tensors_of_a_network_are_counted_once_with_shared_storage():
    torch = pytest.importorskip('torch')
    layer = torch.nn.Linear(10, 5)
    holder = SimpleNamespace(network=torch.nn.Sequential(layer, layer), view=layer.weight[0])
    assert held_bytes(holder) == 4 * (50 + 5)


def test_the_growth_of_a_computation_is_measured(monkeypatch):
    if not resident_bytes():
        pytest.skip('no /proc')
    probe = Probe('cpu')
    with probe.watching():
        block = np.ones(60 * MB, np.uint8)
        del block
    assert 50 * MB < probe.growth < 500 * MB


def test_the_largest_result_of_a_layer_is_named_and_the_hook_leaves():
    torch = pytest.importorskip('torch')
    network = torch.nn.Sequential(torch.nn.Linear(4, 1000), torch.nn.ReLU(),
                                  torch.nn.Linear(1000, 2))
    probe = Probe('cpu')
    with probe.watching():
        network(torch.zeros(8, 4))
    assert probe.largest == (8 * 1000 * 4, 'Linear')
    network(torch.zeros(1000, 4))
    assert probe.largest == (8 * 1000 * 4, 'Linear')


def test_a_network_that_eats_up_the_memory_is_stopped_between_two_layers():
    torch = pytest.importorskip('torch')
    network = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Flatten())
    probe = Probe('cpu', free=lambda device: 60 * MB)
    with pytest.raises(ConfigurationError, match=r'Linear with .* only 60\.0 MB of memory'), \
            probe.watching():
        network(torch.zeros(8, 4))


def test_the_container_may_leave_less_than_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_probe, '_PROC', tmp_path)
    monkeypatch.setattr(memory_probe, '_CONTROL_GROUP', tmp_path)
    assert free_bytes('cpu') is None
    (tmp_path / 'meminfo').write_text('MemTotal: 9000 kB\nMemAvailable:    8000 kB\n')
    assert free_bytes('cpu') == 8000 * 1024
    for name, text in (('max', '1000\n'), ('current', '900\n'), ('stat', 'inactive_file 300\n')):
        (tmp_path / f'memory.{name}').write_text(text)
    assert free_bytes('cpu') == 400
    (tmp_path / 'memory.max').write_text('max\n')
    assert free_bytes('cpu') == 8000 * 1024


@pytest.fixture
def load(make_estimator):
    """Return a loader of a dummy network that holds 40 MB and makes a table of 10 MB."""
    estimator = make_estimator()
    estimator.weights = np.zeros(40 * MB, np.uint8)

    def warm_up():
        estimator.warm_ups += 1
        estimator.table = np.zeros(10 * MB, np.uint8)
        return np.zeros(5 * MB, np.uint8)

    estimator.warm_up = warm_up
    return lambda *args, **kwargs: estimator


def loading(load, *, warm_up=True, free=10_000 * MB, weights='dummy'):
    pytest.importorskip('rclpy')
    from ssc_ros.nodes.model_loading import load_model
    from ssc_ros.nodes.settings import ModelParameters

    return load_model(
        load, ModelParameters(weights=weights, warm_up=warm_up), free=lambda device: free)


def test_loading_measures_weights_tables_and_outputs(load):
    loaded = loading(load)
    plan = loaded.plan
    assert (plan.tables, plan.outputs) == (10 * MB, 5 * MB)
    assert plan.weights == pytest.approx(40 * MB, rel=1e-3)  # the class colours count, too
    assert plan.free == 10_000 * MB + plan.weights and loaded.estimator.warm_ups == 1


def test_the_parameters_of_the_network_reach_its_loader(make_estimator):
    pytest.importorskip('rclpy')
    from ssc_ros.nodes.model_loading import load_model
    from ssc_ros.nodes.settings import ModelParameters

    asked = {}

    def load(weights, **options):
        asked.update(options, weights=weights)
        return make_estimator()

    load_model(load, ModelParameters(
        weights='dummy', device='cpu', precision='float32', backend='onnxruntime'))
    assert asked == {'weights': 'dummy', 'device': 'cpu', 'precision': 'float32',
                     'backend': 'onnxruntime'}


def test_without_a_warm_up_the_plan_is_what_is_known(load):
    loaded = loading(load, warm_up=False)
    assert loaded.plan.frame is None and loaded.plan.needed == loaded.plan.weights
    assert loaded.estimator.warm_ups == 0


def test_a_network_that_does_not_fit_is_refused_with_numbers(load):
    with pytest.raises(ConfigurationError, match=r'weights 40\.0 MB.* must stay free: take small'):
        loading(load, free=20 * MB)


@pytest.mark.parametrize('error', [
    MemoryError('cannot have 7 GB'),
    RuntimeError('[enforce] DefaultCPUAllocator: cannot have 7 GB'),
    type('OutOfMemoryError', (RuntimeError,), {})('CUDA out of memory: cannot have 7 GB')])
def test_running_out_of_memory_becomes_a_refusal_that_says_what_to_do(load, error):
    def fail():
        raise error

    load().warm_up = fail
    with pytest.raises(ConfigurationError, match=r'does not suffice for dummy .*cannot have 7 GB'):
        loading(load)


def test_another_error_of_the_warm_up_stays_as_it_is(load):
    def fail():
        raise ZeroDivisionError

    load().warm_up = fail
    with pytest.raises(ZeroDivisionError):
        loading(load)


def test_a_file_larger_than_the_memory_is_not_even_read(tmp_path, monkeypatch):
    pytest.importorskip('rclpy')
    from ssc_ros.nodes import model_loading

    monkeypatch.setattr(model_loading, 'find_bundle', lambda name: tmp_path)
    with Path(tmp_path / 'model.safetensors').open('wb') as file:
        file.truncate(500 * MB)  # sparse
    with pytest.raises(ConfigurationError, match=r'weights x take 500\.0 MB but only 550\.0 MB'):
        loading(partial(pytest.fail, 'it was read'), free=550 * MB, weights='x')
