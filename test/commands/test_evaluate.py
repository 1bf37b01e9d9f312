"""An evaluation scores every frame once, goes on where it was cut off and keeps what it had."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ssc_ros.bags import BagReader
from ssc_ros.cli import main
from ssc_ros.commands.samples import sample_bag
from ssc_ros.errors import DataError
from ssc_ros.metrics import CompletionCounts
from ssc_ros.models.estimator import DummyEstimator


def evaluate(bag: Path, out: Path, *options: str) -> tuple[int, dict]:
    code = main(['evaluate', str(bag), '--weights', 'dummy', '--out', str(out), *options])
    return code, json.loads((out / 'report.json').read_text())


def expected_scores(rooms: ModuleType, frames: int) -> dict:
    space = DummyEstimator().label_space
    labels = np.zeros(rooms.SHAPE, np.uint8)
    labels[:, :, -2:] = space.names.index('wall')
    labels[:, 0, :] = space.names.index('floor')
    counts = CompletionCounts(len(space))
    for index in range(frames):
        counts.update(labels, rooms.frame_truth(index))
    return counts.scores().as_dict(space.names)


def test_scores_are_those_of_all_frames(
    rooms: ModuleType, stereo_bag: Path, tmp_path: Path, capsys,
) -> None:
    code, report = evaluate(stereo_bag, tmp_path / 'out')
    assert code == 0
    assert (report['frames_in'], report['frames_out'], report['dropped']) == (3, 3, 0)
    assert report['frames_scored'] == 3
    expected = expected_scores(rooms, 3)
    assert {key: report[key] for key in expected} == expected
    assert set(report['latency_ms']) == {'p50', 'p95'}
    assert report['stage_ms'].keys() >= {'prepare', 'network', 'finish'}
    assert (report['weights'], report['label_space']) == ('dummy', 'nyu12')
    assert 'SSC mIoU' in capsys.readouterr().out


def test_an_interrupted_evaluation_goes_on_and_gives_the_same_figures(
    rooms: ModuleType, stereo_bag: Path, tmp_path: Path, capsys, monkeypatch,
) -> None:
    calls = []
    original = DummyEstimator.__call__

    def interrupted(self, frame):
        calls.append(frame.stamp_ns)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, frame)

    monkeypatch.setattr(DummyEstimator, '__call__', interrupted)
    code, report = evaluate(stereo_bag, tmp_path / 'out')
    assert code == 130
    assert report['frames_scored'] == 2
    code, report = evaluate(stereo_bag, tmp_path / 'out')
    assert code == 0
    assert calls == [rooms.frame_stamp(index) for index in (0, 1, 2, 2)]
    expected = expected_scores(rooms, 3)
    assert {key: report[key] for key in expected} == expected
    assert '2 frames were done before' in capsys.readouterr().out


def test_a_finished_evaluation_starts_anew(stereo_bag: Path, tmp_path: Path, capsys) -> None:
    evaluate(stereo_bag, tmp_path / 'out')
    evaluate(stereo_bag, tmp_path / 'out')
    assert 'done before' not in capsys.readouterr().out


def test_a_cut_bag_is_scored_as_far_as_it_goes_with_exit_code_1(
    rooms: ModuleType, tmp_path: Path, capsys,
) -> None:
    path = rooms.write_stereo_bag(tmp_path / 'bag', frames=8)
    [file] = path.glob('*.mcap')
    with file.open('rb+') as stream:
        stream.truncate(file.stat().st_size // 2)
    code, report = evaluate(path, tmp_path / 'out')
    assert code == 1
    frames = report['frames_scored']
    assert 2 <= frames <= 4
    assert report['sc_iou'] == expected_scores(rooms, frames)['sc_iou']
    assert 'is damaged' in capsys.readouterr().err


def test_a_bag_without_ground_truth_gives_times_only(
    rooms: ModuleType, stereo_bag: Path, tmp_path: Path,
) -> None:
    from ssc_ros.bags import BagReader, BagWriter

    with BagReader(stereo_bag) as reader, BagWriter(tmp_path / 'unknown') as writer:
        for message in reader.messages():
            if not message.topic.startswith('/ground_truth'):
                writer.write_raw(message.topic, message.type_name, message.time_ns, message.data)
    code, report = evaluate(tmp_path / 'unknown', tmp_path / 'out')
    assert code == 0
    assert (report['frames_out'], report['frames_scored']) == (3, 0)


def test_depth_can_be_fed_instead_of_the_right_eye(stereo_bag: Path, tmp_path: Path) -> None:
    code, report = evaluate(stereo_bag, tmp_path / 'out', '--input', 'rgbd')
    assert (code, report['frames_scored']) == (0, 3)


def test_estimates_can_be_kept_for_the_viewer(stereo_bag: Path, tmp_path: Path) -> None:
    from ssc_ros.viewer import Recording

    evaluate(stereo_bag, tmp_path / 'out', '--scenes')
    assert len(Recording.open(tmp_path / 'out' / 'scenes')) == 3


@pytest.mark.parametrize('weights', ['random:no_such_preset', '/no/such/folder'])
def test_unknown_weights_are_refused_before_anything_is_written(
    stereo_bag: Path, tmp_path: Path, weights: str, capsys,
) -> None:
    out = tmp_path / 'out'
    assert main(['evaluate', str(stereo_bag), '--weights', weights, '--out', str(out)]) == 1
    assert capsys.readouterr().err.startswith('error: ')
    assert not out.exists()


def test_the_pose_may_come_from_the_depth_images(tmp_path: Path) -> None:
    """The rooms of the sample bag show their floor: the scores change little."""
    reports = []
    for name, options in (('odometry', []), ('depth', ['--pose-from-depth'])):
        code, report = evaluate(sample_bag(), tmp_path / name, '--input', 'rgbd', *options)
        assert code == 0 and report['frames_scored'] == report['frames_in']
        reports.append(report)
    assert reports[0]['sc_iou'] == pytest.approx(reports[1]['sc_iou'], abs=0.02)


def test_iterations_are_refused_of_networks_without_a_loop(
    stereo_bag: Path, tmp_path: Path, capsys,
) -> None:
    assert main(['evaluate', str(stereo_bag), '--weights', 'dummy', '--iterations', '1',
                 '--out', str(tmp_path)]) == 1
    assert 'has no loop' in capsys.readouterr().err


class TestLabelledImages:
    """Scenes that come with a labelled image of the network's own are scored twice."""

    @pytest.fixture
    def labelling(self, monkeypatch):
        from ssc_ros.commands import evaluate as command
        from ssc_ros.commands.network import NetworkFacts

        monkeypatch.setattr(command, 'describe_weights', lambda weights, answers: NetworkFacts(
            weights, 'nyu12', 'nyu', labels_pixels=True))

    def expected(self, rooms: ModuleType, frames: int) -> dict:
        from ssc_ros.bags.frames import FrameReader, find_frame_topics
        from ssc_ros.bags.image_evaluation import ImageEvaluation

        estimator = DummyEstimator()
        evaluation = ImageEvaluation(estimator.label_space, estimator.label_space)
        with BagReader(self.bag) as reader:
            topics = find_frame_topics(reader, kind='rgbd')
            for index, item in enumerate(FrameReader(reader, topics, estimator.place_box)):
                evaluation.add(estimator(item.frame).image_labels, rooms.frame_labels(index))
        assert evaluation.num_frames == frames
        return evaluation.as_dict()

    def test_the_report_holds_both_scores(
        self, rooms: ModuleType, labelling, tmp_path: Path, capsys,
    ) -> None:
        self.bag = rooms.write_stereo_bag(tmp_path / 'bag', labelled=True)
        code, report = evaluate(self.bag, tmp_path / 'out', '--input', 'rgbd')
        assert code == 0 and report['frames_scored'] == 3
        assert report['images'] == self.expected(rooms, 3)
        assert 'SSC mIoU' in (printed := capsys.readouterr().out) and 'PixAcc' in printed

    def test_an_interrupted_evaluation_keeps_both(
        self, rooms: ModuleType, labelling, tmp_path: Path, monkeypatch,
    ) -> None:
        self.bag = rooms.write_stereo_bag(tmp_path / 'bag', labelled=True)
        original, calls = DummyEstimator.__call__, []

        def interrupted(estimator, frame):
            calls.append(frame)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return original(estimator, frame)

        monkeypatch.setattr(DummyEstimator, '__call__', interrupted)
        assert evaluate(self.bag, tmp_path / 'out', '--input', 'rgbd')[0] == 130
        code, report = evaluate(self.bag, tmp_path / 'out', '--input', 'rgbd')
        assert code == 0 and report['images'] == self.expected(rooms, 3)

    def test_a_bag_without_labels_of_pixels_is_scored_by_its_voxels_alone(
        self, stereo_bag: Path, labelling, tmp_path: Path,
    ) -> None:
        code, report = evaluate(stereo_bag, tmp_path / 'out', '--input', 'rgbd')
        assert code == 0 and report['frames_scored'] == 3 and 'images' not in report

    def test_labels_of_another_size_are_refused(self, rooms: ModuleType) -> None:
        from ssc_ros.bags.frames import BagFrame

        frame = SimpleNamespace(camera=rooms.CAMERA)
        with pytest.raises(DataError, match='record labels of the size of the image'):
            BagFrame(frame, None, np.zeros((4, 4), np.uint8)).image_ground_truth()
