"""Play a bag through a perception node over DDS, every frame, and record what comes out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from ssc_ros.bags.frames import FrameTopics
from ssc_ros.bags.results import ANSWERS
from ssc_ros.commands.console import ProgressBar
from ssc_ros.commands.processes import NodeProcesses, node_processes
from ssc_ros.models.estimator import AS_TRAINED

PLAYER, RECORDER, EVALUATOR = 'bag_player_node', 'bag_recorder_node', 'evaluator_node'
POLL_S = 0.05
STALL_TIMEOUT_S = 180.0
CATCH_UP_S = 5.0
# The recorder, and the node or the evaluator, listen to every topic that is played; the recorder
# and the evaluator to every estimate.
SUBSCRIBERS = 2


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """
    What is replayed.

    Attributes:
        node: the perception node, e.g. ``stereo_node``.
        total: number of frames in the bag.
        truth_space: label space of the ground truth; empty = that of the estimates.
        iterations: of networks that refine their answer in a loop.
        camera_height_m, camera_pitch_deg: for bags without odometry.
        out: folder of logs, recorded bag and scores.
    """

    node: str
    bag: Path
    topics: FrameTopics
    total: int
    weights: str
    label_space: str
    out: Path
    truth_space: str = ''
    iterations: int = AS_TRAINED
    camera_height_m: float = 1.2
    camera_pitch_deg: float = 0.0

    @property
    def recorded_bag(self) -> Path:
        """Inputs and outputs as they passed, with their times."""
        return self.out / 'bag'

    @property
    def scores(self) -> Path:
        """JSON file of the evaluator."""
        return self.out / 'scores.json'

    @property
    def estimates(self) -> str:
        """Topic of the label volumes or label images."""
        return f'/{self.node}/{self.outputs[0]}'

    @property
    def outputs(self) -> tuple[str, ...]:
        """What is recorded of the node; the first one answers every frame."""
        return ANSWERS['image' if self.topics.kind == 'rgb' else 'scene']


def replay(plan: ReplayPlan) -> dict[str, Any]:
    """
    Run the replay to its end and return the scores of the evaluator.

    Raises:
        SscError: a node failed, or nothing moved for three minutes.
    """
    plan.scores.unlink(missing_ok=True)
    with node_processes(plan.out / 'log') as nodes:
        _start(nodes, plan)
        _watch(nodes, plan)
    return _scores(plan)


def _start(nodes: NodeProcesses, plan: ReplayPlan) -> None:
    topics = plan.topics
    nodes.start(RECORDER, {
        'bag': str(plan.recorded_bag),
        'topics': [*topics.all, *(f'/{plan.node}/{output}' for output in plan.outputs),
                   f'/{plan.node}/debug/*', '/diagnostics']})
    nodes.start(EVALUATOR, {
        'kind': 'images' if topics.kind == 'rgb' else 'volumes',
        'label_space': plan.label_space, 'truth_label_space': plan.truth_space,
        'report': str(plan.scores), 'table_every': 0,
    }, {'estimate': plan.estimates, 'ground_truth': topics.ground_truth or '/ground_truth'})
    nodes.start(plan.node, _node_parameters(plan), node_remaps(topics))
    nodes.start(PLAYER, {
        'bag': str(plan.bag), 'topics': list(topics.all), 'wait_for_subscribers': SUBSCRIBERS,
        'wait_for_answer_subscribers': SUBSCRIBERS,
        'lockstep_topic': plan.estimates, 'lockstep_input': topics.first,
        'lockstep_timeout_s': STALL_TIMEOUT_S / 3})


def _node_parameters(plan: ReplayPlan) -> dict[str, Any]:
    topics = plan.topics
    parameters: dict[str, Any] = {'model.weights': plan.weights, **input_parameters(topics)}
    if plan.iterations != AS_TRAINED:
        parameters['model.iterations'] = plan.iterations
    if topics.kind != 'rgb':
        parameters.update({
            'pose.source': 'odometry' if topics.odometry else 'parameters',
            'pose.camera_height_m': plan.camera_height_m,
            'pose.camera_pitch_deg': plan.camera_pitch_deg})
    return parameters


def input_parameters(topics: FrameTopics) -> dict[str, Any]:
    """Return how a node shall listen to the topics of a bag."""
    # Cameras are heard as best effort; for figures that must not depend on luck, nothing is lost.
    return {
        'input.transport': 'compressed' if topics.is_compressed else 'raw',
        **{f'qos_overrides.{topic}.subscription.reliability': 'reliable' for topic in topics.all
           if topic != topics.ground_truth}}


def node_remaps(topics: FrameTopics) -> dict[str, str]:
    """Return the remappings of a node that hears a bag."""
    first = topics.first.removesuffix('/compressed')
    if topics.kind == 'stereo':
        remaps = {
            'left/image_rect': first, 'left/camera_info': topics.first_info,
            'right/image_rect': topics.second.removesuffix('/compressed'),
            'right/camera_info': topics.second_info}
    else:
        remaps = {'rgb/image_rect': first, 'rgb/camera_info': topics.first_info}
        if topics.second:
            remaps['depth/image_rect'] = topics.second.removesuffix('/compressedDepth')
    return {**remaps, 'odom': topics.odometry} if topics.odometry else remaps


def _watch(nodes: NodeProcesses, plan: ReplayPlan) -> None:
    """Show progress until the player has ended and the evaluator has seen everything."""
    bar = ProgressBar('replaying', plan.total)
    done, moved_s, ended_s = 0, monotonic(), float('inf')
    while monotonic() < ended_s + CATCH_UP_S:
        estimates = int(_scores(plan).get('estimates', 0))
        if estimates != done:
            done, moved_s = estimates, monotonic()
        bar.show(done, _note(nodes, plan))
        has_ended = _check(nodes, plan.node, moved_s)
        if has_ended and ended_s == float('inf'):
            ended_s = monotonic()
        if has_ended and done >= plan.total:
            break
        sleep(POLL_S)
    bar.finish(done, _note(nodes, plan))


def _check(nodes: NodeProcesses, perception: str, moved_s: float) -> bool:
    """Return whether the player has ended; raise when something else has, or nothing moves."""
    for node in (perception, EVALUATOR, RECORDER):
        if nodes.has_ended(node):
            raise nodes.failure(node, 'ended early')
        if 'cannot become' in nodes.log(node):
            raise nodes.failure(node, 'could not start')
    if 'cannot become' in nodes.log(PLAYER):
        raise nodes.failure(PLAYER, 'could not start')
    if monotonic() - moved_s > STALL_TIMEOUT_S:
        raise nodes.failure(perception, f'produced nothing for {STALL_TIMEOUT_S:.0f} s')
    return nodes.has_ended(PLAYER)


def _scores(plan: ReplayPlan) -> dict[str, Any]:
    if not plan.scores.is_file():
        return {}
    scores: dict[str, Any] = json.loads(plan.scores.read_text(encoding='utf-8'))
    return scores


def _note(nodes: NodeProcesses, plan: ReplayPlan) -> str:
    scores = _scores(plan)
    if scores.get('frames_scored'):
        shown = ('PixAcc', 'pixel_accuracy', 'mIoU', 'mean_iou') if 'mean_iou' in scores else (
            'SC', 'sc_iou', 'SSC', 'ssc_miou')
        return f'{shown[0]} {100 * scores[shown[1]]:.1f}  {shown[2]} {100 * scores[shown[3]]:.1f}'
    return '' if ' is ready on ' in nodes.log(plan.node) else f'loading {plan.weights}'
