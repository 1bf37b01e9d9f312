"""Every perception launch file brings its node up, with its topics, and down again."""

import unittest

import launch_testing
import launch_testing.actions
import launch_testing.asserts
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch_testing_ros import WaitForTopics
from sensor_msgs.msg import PointCloud2

from ssc_ros.launching import share

FILES = (
    'occdepth_stereo', 'occdepth_rgbd', 'ammnet_rgbd', 'imenet_rgbd', 'gad_segmentation',
    's4r_mapping')


@launch_testing.parametrize('system', FILES)
def generate_test_description(system):
    arguments = {'weights': 'dummy', 'namespace': 'robot'}
    return LaunchDescription([
        IncludeLaunchDescription(
            [share('launch', f'{system}.launch.py')], launch_arguments=arguments.items()),
        launch_testing.actions.ReadyToTest(),
    ])


class TestActive(unittest.TestCase):
    def test_the_node_loads_its_network_and_listens(self, proc_output):
        proc_output.assertWaitFor('dummy is ready on', timeout=120, stream='stderr')
        proc_output.assertWaitFor('listening to /robot/', timeout=30, stream='stderr')

    def test_nothing_is_sent_before_an_image_came(self, system):
        cloud = {'gad_segmentation': 'segmentation_node/semantic_points',
                 'occdepth_stereo': 'stereo_node/voxels/points',
                 's4r_mapping': 'mapping_node/voxels/points'}.get(
                     system, 'rgbd_node/voxels/points')
        wait = WaitForTopics([(f'/robot/{cloud}', PointCloud2)], timeout=1.0)
        self.assertFalse(wait.wait())
        wait.shutdown()


@launch_testing.post_shutdown_test()
class TestAfterShutdown(unittest.TestCase):
    def test_the_node_ends_cleanly(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
