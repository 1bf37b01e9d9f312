"""A full disk costs what cannot be written, never what was written before, and no node."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

LIMIT_BYTES = 4096
WRITERS = {
    'report.json': """
from ssc_ros.bags.evaluation import write_json
write_json(path, {'numbers': list(range(5000))})
""",
    'volume.npz': """
import numpy as np
from ssc_ros.fusion.scene_volume import SceneVolume
from ssc_ros.fusion.tsdf_fusion import save_volume
from ssc_ros.fusion.volume_grid import VolumeGrid
rng = np.random.default_rng(0)
grid = VolumeGrid((16, 16, 16), 0.04, np.eye(4))
save_volume(path, SceneVolume(grid, rng.random((16, 16, 16), np.float32),
                              rng.random((16, 16, 16), np.float32),
                              np.zeros((16, 16, 16, 3), np.uint8)))
""",
    'bundle': """
import torch
from ssc_ros.weights import save_bundle
save_bundle(path, {'label_space': 'nyu12'}, {'w': torch.rand(100_000)}, 'new')
""",
}
LIMITED = """
import resource, sys
from pathlib import Path
path = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
{write}
except Exception as error:
    sys.exit(f'{{type(error).__name__}}: {{error}}')
"""


def old_content(path: Path) -> dict[str, bytes]:
    """Put something old at a place and return the files of its folder."""
    if path.suffix:
        path.write_bytes(b'old')
    else:
        path.mkdir()
        (path / 'config.json').write_text('{}')
        (path / 'model.safetensors').write_bytes(b'old')
    return content(path.parent)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob('*')) if path.is_file()}


@pytest.mark.parametrize('name', WRITERS)
def test_a_file_that_does_not_fit_leaves_the_old_one_and_nothing_half_written(tmp_path, name):
    path = tmp_path / name
    before = old_content(path)
    write = ''.join(f'    {line}\n' for line in WRITERS[name].strip().splitlines())
    result = subprocess.run(
        [sys.executable, '-c', LIMITED.format(limit=LIMIT_BYTES, write=write), str(path)],
        capture_output=True, text=True, check=False, timeout=250)
    assert result.returncode == 1 and 'Traceback' not in result.stderr, result.stderr
    assert 'File too large' in result.stderr or 'SafetensorError' in result.stderr
    assert content(tmp_path) == before


@pytest.fixture
def full_disk(monkeypatch):
    """Let every flush to the disk fail from now on."""
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'fsync', fail)


def test_a_recording_keeps_its_frames(tmp_path, full_disk, monkeypatch):
    from ssc_ros.paths import replacing

    path = tmp_path / 'frames' / '000000.npz'
    path.parent.mkdir()
    path.write_bytes(b'frame')
    with pytest.raises(OSError, match='No space left'), replacing(path) as partial:
        np.savez(partial, a=np.zeros(3))
    assert content(tmp_path) == {'frames/000000.npz': b'frame'}


@pytest.mark.ros
def test_an_evaluator_goes_on_scoring_and_keeps_the_last_report(
        graph, tmp_path, full_disk, capfd):
    from rclpy.parameter import Parameter
    from sensor_msgs.msg import Image

    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.volumes import encode_label_volume
    from ssc_ros.nodes.evaluator_node import EvaluatorNode

    report = tmp_path / 'report.json'
    report.write_text('old')
    node = graph.add(EvaluatorNode(parameter_overrides=[Parameter('report', value=str(report))]))
    graph.wait(lambda: node.state == 'active')
    publishers = [graph.tester.create_publisher(Image, side, 10)
                  for side in ('estimate', 'ground_truth')]
    for publisher in publishers:
        graph.wait(publisher.get_subscription_count)
    for stamp_ns in (1, 2, 3):
        for publisher in publishers:
            publisher.publish(encode_label_volume(
                np.ones((2, 3, 4), np.uint8), make_header(stamp_ns, 'camera')))
    graph.wait(lambda: node.report.get('frames_scored') == 3)
    assert node.state == 'active' and content(tmp_path) == {'report.json': b'old'}
    assert capfd.readouterr().err.count('No space left') == 1


@pytest.mark.ros
def test_a_recorder_says_what_it_lost_and_keeps_what_it_had(graph, tmp_path, monkeypatch, capfd):
    pytest.importorskip('rosbags')
    from rclpy.parameter import Parameter
    from std_msgs.msg import String

    from ssc_ros.bags.reader import BagReader
    from ssc_ros.bags.writer import BagWriter
    from ssc_ros.nodes.bag_recorder_node import BagRecorderNode

    node = graph.add(BagRecorderNode(parameter_overrides=[
        Parameter('bag', value=str(tmp_path / 'bag')), Parameter('topics', value=['/words'])]))
    graph.wait(lambda: node.state == 'active')
    publisher = graph.tester.create_publisher(String, '/words', 10)
    graph.wait(publisher.get_subscription_count)
    for _ in range(3):
        publisher.publish(String(data='kept'))
    graph.wait(lambda: node.recorded == 3)

    def fail(self, *args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(BagWriter, 'write_raw', fail)
    for _ in range(4):
        publisher.publish(String(data='lost'))
    graph.wait(lambda: node.lost == 4)
    monkeypatch.undo()
    publisher.publish(String(data='after the gap'))
    graph.wait(lambda: node.lost == 5)
    assert node.state == 'active'
    assert graph.transition(node, 'deactivate') and graph.transition(node, 'cleanup')
    assert '3 messages recorded, 5 lost' in capfd.readouterr().err
    with BagReader(tmp_path / 'bag') as reader:
        assert reader.message_count == 3
