"""The sample bag walks through stereo_node and every frame of it is scored."""

import json
import tempfile
import unittest
from pathlib import Path

import launch_testing
import launch_testing.actions
import launch_testing.asserts
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription

from ssc_ros.launching import share

REPORT = Path(tempfile.mkdtemp()) / 'report.json'


def generate_test_description():
    arguments = {'weights': 'dummy', 'report': str(REPORT)}
    return LaunchDescription([
        IncludeLaunchDescription(
            [share('launch', 'replay_eval.launch.py')], launch_arguments=arguments.items()),
        launch_testing.actions.ReadyToTest(),
    ])


class TestReplay(unittest.TestCase):
    def test_the_bag_is_played_to_its_end(self, proc_output):
        proc_output.assertWaitFor('end of the bag', timeout=240, stream='stderr')


@launch_testing.post_shutdown_test()
class TestScores(unittest.TestCase):
    def test_every_frame_was_scored(self):
        report = json.loads(REPORT.read_text())
        self.assertEqual(report['estimates'], report['ground_truths'])
        self.assertEqual(report['unmatched_estimates'] + report['refused'], 0)

    def test_all_nodes_end_cleanly(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
