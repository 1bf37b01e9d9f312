"""ONNX Runtime gives the answers of torch, from a file that is exported once, or says why not."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from ssc_ros.cli import main
from ssc_ros.errors import ConfigurationError
from ssc_ros.frames import RgbdFrame, RgbFrame, StereoFrame
from ssc_ros.geometry.cameras import PinholeCamera, StereoRig
from ssc_ros.geometry.transforms import level_camera_pose
from ssc_ros.models import onnx_backend
from ssc_ros.models.backends import ExportedOutput
from ssc_ros.models.estimator import LOADERS, load_estimator
from ssc_ros.models.execution import build_seeded
from ssc_ros.models.onnx_cache import OnnxCache, default_cache_folder
from ssc_ros.models.registry import find_network
from ssc_ros.weights import save_bundle

NETWORKS = {
    'gad': ('small', {'image_size': (64, 96)}),
    'occdepth': ('small', {'image_size': (120, 160)}),
    'ammnet': ('small', {'image_size': (120, 160)})}
VOLUMES = {'s4r': ('small', {'chunk_shape': (32, 16, 16)})}
needs_onnx = pytest.mark.skipif(
    find_spec('onnxruntime') is None or find_spec('onnx') is None,
    reason='onnx and onnxruntime are not installed')


@pytest.fixture(scope='module')
def bundle_of(tmp_path_factory):
    """Return a maker of bundles with random weights, whose networks see small images."""
    folder = tmp_path_factory.mktemp('bundles')

    def make(name: str, seed: int = 0) -> Path:
        path = folder / f'{name}{seed}'
        if not path.exists():
            preset, changes = {**NETWORKS, **VOLUMES}[name]
            code = find_network(name)
            config = replace(code.load_preset(preset), **changes)
            network = build_seeded(lambda: code.estimator_class().network_class(config), seed)
            save_bundle(path, config.to_dict(), network.state_dict(), '', model=name,
                        half_precision=False)
        return path
    return make


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return default_cache_folder()


def load(bundle, backend='torch', **options) -> Any:
    code = find_network(bundle.name[:-1])
    return LOADERS[code.answers](bundle, device='cpu', backend=backend, **options)


def frame_for(estimator, *, focal_ratio, height_m, depth_m):
    height, width = estimator.config.image_size
    focal_px = focal_ratio * width
    camera = PinholeCamera(focal_px, focal_px, width / 2 - 3, height / 2 + 2, height, width)
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    if not hasattr(estimator, 'place_box'):
        return RgbFrame(noise, camera)
    placement = estimator.place_box(level_camera_pose(height_m=height_m))
    if StereoFrame in estimator.frame_types:
        rig = StereoRig(camera, camera, 0.11)
        return StereoFrame(noise, np.roll(noise, -5, 1), rig, placement)
    depth = np.full(camera.size, depth_m, np.float32)
    depth[: height // 3] = 0
    return RgbdFrame(noise, depth, camera, placement)


def run_recorded(estimator, frame):
    """Return the estimate, and the output that the network gave for it."""
    outputs, network = [], estimator._network

    def run(*inputs):
        outputs.append(network(*inputs))
        return outputs[-1]

    estimator._network = run
    try:
        return estimator(frame), outputs[0]
    finally:
        estimator._network = network


def labels_of(estimate):
    return estimate.labels if hasattr(estimate, 'labels') else estimate.image_labels


@needs_onnx
@pytest.mark.slow
@pytest.mark.parametrize('name', NETWORKS)
def test_scores_and_labels_are_those_of_torch_whatever_the_camera_sees(name, bundle_of):
    reference = load(bundle_of(name), precision='float32')
    exported = load(bundle_of(name), 'onnxruntime')
    # Other than in the black frame of the export, and each time another number of voxels.
    for view in ({'focal_ratio': 0.8, 'height_m': 1.1, 'depth_m': 1.2},
                 {'focal_ratio': 0.5, 'height_m': 1.5, 'depth_m': 3.0}):
        frame = frame_for(reference, **view)
        expected, expected_output = run_recorded(reference, frame)
        found, output = run_recorded(exported, frame)
        for field in reference.exports.fields:
            value = getattr(expected_output, field)
            scale = max(float(value.abs().max()), 1.0)
            torch.testing.assert_close(
                getattr(output, field) / scale, value / scale, atol=1e-3, rtol=0)
        assert (labels_of(found) == labels_of(expected)).mean() >= 0.999
        np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-3)


@needs_onnx
def test_scenes_of_many_windows_are_completed_as_torch_does(bundle_of):
    reference = load(bundle_of('s4r'), precision='float32')
    exported = load(bundle_of('s4r'), 'onnxruntime')
    volume = np.random.default_rng(0).uniform(0, 1, (5, 32, 24, 40)).astype(np.float32)
    expected, found = reference(volume), exported(volume)
    assert expected.covered.all() and found.covered.all()
    for name in ('tsdf_voxels', 'confidence'):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-3)
    assert (found.labels == expected.labels).mean() >= 0.999
    assert (np.abs(found.rgb.astype(int) - expected.rgb) <= 1).all()


@needs_onnx
def test_a_network_is_exported_once_and_again_when_its_file_is_damaged(bundle_of):
    first = load(bundle_of('gad'), 'onnxruntime').backend
    assert first.was_built
    second = load(bundle_of('gad'), 'onnxruntime').backend
    assert not second.was_built and second.path == first.path
    content = bytearray(first.path.read_bytes())
    content[len(content) // 2] ^= 1
    first.path.write_bytes(content)
    third = load(bundle_of('gad'), 'onnxruntime').backend
    assert third.was_built and third.path == first.path


@needs_onnx
def test_other_weights_have_a_file_of_their_own(bundle_of):
    paths = {load(bundle_of('gad', seed), 'onnxruntime').backend.path for seed in (0, 1)}
    assert len(paths) == 2


@needs_onnx
def test_an_export_that_differs_from_torch_is_refused_and_not_kept(
        bundle_of, cache_folder, monkeypatch):
    export = onnx_backend.export_network

    def export_wrongly(*args):
        whole = export(*args)
        return replace(whole, checks=tuple(
            (inputs, {name: value + 1 for name, value in expected.items()})
            for inputs, expected in whole.checks))

    monkeypatch.setattr(onnx_backend, 'export_network', export_wrongly)
    with pytest.raises(ConfigurationError, match='gives another label_logits than torch'):
        load(bundle_of('gad'), 'onnxruntime')
    path, = cache_folder.glob('*.onnx')
    assert OnnxCache(cache_folder).find(path.stem) is None


class CountedMean(torch.nn.Module):
    """Divides by a count that an export takes for a constant."""

    def forward(self, values):
        seen = values[values > 0]
        return SimpleNamespace(mean=seen.sum() / len(seen))


@needs_onnx
def test_a_count_that_became_a_constant_is_noticed(tmp_path):
    values = torch.tensor([1.0, -1.0, -1.0, 2.0, 3.0, 5.0, 7.0, 1.0, 1.0])
    with pytest.raises(ConfigurationError, match='gives another mean than torch'):
        onnx_backend.open_onnx_backend(
            CountedMean(), ExportedOutput(None, ('mean',)), lambda: (values,),
            network_name='none', config=SimpleNamespace(to_dict=dict),
            device=torch.device('cpu'), cache=OnnxCache(tmp_path))


@needs_onnx
def test_a_bundle_is_built_ahead_of_time(bundle_of, cache_folder, capsys):
    command = ['weights', 'build', str(bundle_of('gad')), '--device', 'cpu']
    assert main(command) == 0
    assert f'exported to {cache_folder}' in capsys.readouterr().out
    assert main(command) == 0
    text = capsys.readouterr().out
    assert 'is already there' in text and 'CPUExecutionProvider' in text
    assert not load(bundle_of('gad'), 'onnxruntime').backend.was_built


@needs_onnx
def test_a_network_that_the_exporter_does_not_understand_is_refused(monkeypatch, bundle_of):
    def fail(*args, **options):
        raise RuntimeError('unsupported operator\nand a long graph')

    monkeypatch.setattr(torch.onnx, 'export', fail)
    with pytest.raises(ConfigurationError, match=r'RuntimeError: unsupported operator\)'):
        load(bundle_of('gad'), 'onnxruntime')


def test_a_network_that_loops_is_refused_with_the_reason():
    with pytest.raises(ConfigurationError, match=r'torch only.*iterations'):
        load_estimator('random:imenet/small', device='cpu', backend='onnxruntime')


def test_without_onnxruntime_the_remedy_is_named(bundle_of, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ConfigurationError, match=r'pip install "ssc_ros\[onnx\]"'):
        load(bundle_of('gad'), 'onnxruntime')


def test_unknown_backends_and_precisions_are_refused(bundle_of):
    with pytest.raises(ConfigurationError, match='choose torch or onnxruntime'):
        load(bundle_of('gad'), 'tensorflow')
    with pytest.raises(ConfigurationError, match='float32: set precision to auto'):
        load(bundle_of('gad'), 'onnxruntime', precision='float16')


class TestProviders:
    def install(self, monkeypatch, *names):
        monkeypatch.setitem(sys.modules, 'onnxruntime', SimpleNamespace(
            get_available_providers=lambda: list(names)))

    def test_a_gpu_without_its_provider_is_refused_with_what_to_install(self, monkeypatch):
        self.install(monkeypatch, onnx_backend.CPU_PROVIDER)
        assert onnx_backend.wanted_providers(torch.device('cpu')) == (onnx_backend.CPU_PROVIDER,)
        with pytest.raises(ConfigurationError, match='pip install onnxruntime-gpu'):
            onnx_backend.wanted_providers(torch.device('cuda'))

    def test_a_gpu_takes_tensorrt_first_and_says_where_that_is_missing(self, monkeypatch):
        self.install(monkeypatch, onnx_backend.CUDA_PROVIDER, onnx_backend.CPU_PROVIDER)
        wanted = onnx_backend.wanted_providers(torch.device('cuda', 1))
        assert wanted[0] == onnx_backend.TENSORRT_PROVIDER
        assert 'TensorRT libraries' in onnx_backend.missing_advice(wanted, wanted[1:])
        assert onnx_backend.missing_advice(wanted, wanted) == ''


class TestCache:
    def test_what_is_written_is_found_once_approved(self, tmp_path):
        cache = OnnxCache(tmp_path / 'made' / 'when needed')
        assert cache.find('ab') is None
        path = cache.write('ab', b'network')
        assert cache.find('ab') is None
        cache.approve('ab')
        assert cache.find('ab') == path and path.read_bytes() == b'network'
        assert len(list(cache.folder.iterdir())) == 2  # no temporary file stays

    @pytest.mark.parametrize('damage', ['change', 'cut', 'no network', 'no checksum', 'binary'])
    def test_a_damaged_file_is_not_found(self, tmp_path, damage):
        cache = OnnxCache(tmp_path)
        path = cache.write('ab', b'network')
        cache.approve('ab')
        checksum = path.with_suffix('.sha256')
        {'change': lambda: path.write_bytes(b'Network'), 'cut': lambda: path.write_bytes(b''),
         'no network': path.unlink, 'no checksum': checksum.unlink,
         'binary': lambda: checksum.write_bytes(b'\xff\xfe')}[damage]()
        assert cache.find('ab') is None

    def test_no_key_leaves_the_folder(self, tmp_path):
        with pytest.raises(ConfigurationError, match='leaves'):
            OnnxCache(tmp_path / 'cache').find('../outside')

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path):
        (tmp_path / 'file').write_text('')
        with pytest.raises(ConfigurationError, match='XDG_CACHE_HOME'):
            OnnxCache(tmp_path / 'file').write('ab', b'network')
