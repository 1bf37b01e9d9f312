"""``ssc_ros demo s4r``: a walk through a house, mapped and completed by mapping_node over DDS."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from ssc_ros.bags import BagReader
from ssc_ros.bags.evaluation import write_json
from ssc_ros.bags.frames import FrameTopics, find_frame_topics
from ssc_ros.commands.console import ProgressBar, say
from ssc_ros.commands.network import VolumeFacts, describe_volume_weights
from ssc_ros.commands.processes import NodeProcesses, node_processes
from ssc_ros.commands.replay import PLAYER, POLL_S, RECORDER, input_parameters, node_remaps
from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.labels import load_label_space
from ssc_ros.messages.cloud_reading import decode_cloud
from ssc_ros.metrics import format_table

NODE = 'mapping_node'
CLOUD = 'voxels/points'
# After the last frame the network may begin once more; on a CPU it takes seconds.
SETTLE_S = 20.0
# The recorder and the node listen to every topic that is played.
SUBSCRIBERS = 2
STAGES = ('prepare', 'integrate', 'snapshot', 'network', 'complete', 'publish_map')
FIGURES = ('frames fused', 'completions', 'map memory (MB)')


@dataclass(frozen=True, slots=True)
class MapPlan:
    """What is mapped."""

    bag: Path
    topics: FrameTopics
    frames: int
    duration_s: float
    network: VolumeFacts
    out: Path

    @property
    def recorded_bag(self) -> Path:
        """Clouds and diagnostics as they passed."""
        return self.out / 'bag'


def run_map_demo(args: argparse.Namespace, weights: str, bag: Path, out: Path) -> int:
    """Map a bag, report and draw; return the exit code."""
    plan = _plan(args, weights, bag, out)
    say(f'{plan.frames} RGB-D frames of {bag} through {NODE} with weights {weights}')
    with node_processes(out / 'log') as nodes:
        _start(nodes, plan)
        _watch(nodes, plan)
    with BagReader(plan.recorded_bag) as reader:
        report = _report(reader, plan)
        write_json(out / 'report.json', report)
        _print(report)
        _draw(reader, plan)
    for text, name in (('report', 'report.json'), ('picture', 'pictures/map.png'),
                       ('output bag', 'bag'), ('logs', 'log')):
        say(f'{text + ":":<12}{out / name}')
    return 0


def _plan(args: argparse.Namespace, weights: str, bag: Path, out: Path) -> MapPlan:
    with BagReader(bag) as reader:
        topics = find_frame_topics(reader, kind='rgbd', namespace=args.namespace)
        if not topics.odometry:
            raise ConfigurationError(
                f'{bag} has no /odom: a map needs the pose of the camera at every frame')
        return MapPlan(bag, topics, reader.topics[topics.first].message_count, reader.duration_s,
                       describe_volume_weights(weights), out)


def _start(nodes: NodeProcesses, plan: MapPlan) -> None:
    topics = (plan.topics.first, plan.topics.second, plan.topics.first_info,
              plan.topics.odometry)
    nodes.start(RECORDER, {
        'bag': str(plan.recorded_bag),
        'topics': [*topics, f'/{NODE}/{CLOUD}', '/diagnostics']})
    nodes.start(NODE, {
        'model.weights': plan.network.weights, 'pose.source': 'odometry',
        **input_parameters(plan.topics)}, node_remaps(plan.topics))
    nodes.start(PLAYER, {
        'bag': str(plan.bag), 'topics': list(topics), 'wait_for_subscribers': SUBSCRIBERS})


def _watch(nodes: NodeProcesses, plan: MapPlan) -> None:
    """Wait until the bag was played and the network had time to complete what it shows."""
    bar, started_s, ended_s = ProgressBar('mapping', plan.frames), 0.0, float('inf')
    while monotonic() < ended_s + SETTLE_S:
        for node in (NODE, RECORDER, PLAYER):
            has_ended = nodes.has_ended(node)
            if 'cannot become' in nodes.log(node):
                raise nodes.failure(node, 'could not start')
            if has_ended and node != PLAYER:
                raise nodes.failure(node, 'ended early')
        if has_ended and ended_s == float('inf'):
            ended_s = monotonic()
        if not started_s and 'listening' in nodes.log(NODE):
            started_s = monotonic()
        share = (monotonic() - started_s) / max(plan.duration_s, 1e-9) if started_s else 0.0
        bar.show(plan.frames if has_ended else min(int(share * plan.frames), plan.frames - 1),
                 'the network completes the rest' if has_ended else '')
        sleep(POLL_S)
    bar.finish(plan.frames)


def _report(reader: BagReader, plan: MapPlan) -> dict[str, Any]:
    figures = dict[str, str]()
    for message in reader.messages(('/diagnostics',)):
        for status in message.decode().status:
            if NODE in status.name:
                figures.update({item.key: item.value for item in status.values})
    if 'frames fused' not in figures:
        raise DataError(f'no diagnostics came out of {NODE}: {plan.out / "log"} says why')
    cloud = _last_cloud(reader)
    observed = int(cloud['observed'].sum())
    p50 = {stage: float(figures[key].split('/')[0]) for stage in STAGES
           if (key := f'{stage} p50/p95/max (ms)') in figures}
    return {
        'frames_in': plan.frames, **{name: float(figures[name]) for name in FIGURES},
        'measured voxels': observed, 'completed voxels': len(cloud) - observed,
        'p50_ms': p50, 'weights': plan.network.weights, 'bag': str(plan.bag)}


def _last_cloud(reader: BagReader) -> Any:
    last = None
    for message in reader.messages((f'/{NODE}/{CLOUD}',)):
        last = message
    if last is None:
        raise DataError(f'no cloud came out of {NODE}: no frame was fused')
    return decode_cloud(last.decode())


def _print(report: Mapping[str, Any]) -> None:
    rows: list[Sequence[str]] = [
        [name, f'{value:g}'] for name, value in report.items() if isinstance(value, (int, float))]
    rows += [[f'{stage} p50 (ms)', f'{value:.0f}'] for stage, value in report['p50_ms'].items()]
    say()
    say(format_table(['map', ''], rows))
    say()


def _draw(reader: BagReader, plan: MapPlan) -> None:
    try:
        from ssc_ros.viewer.drawing import save_png
        from ssc_ros.viewer.map_pictures import map_picture

        picture = map_picture(
            _last_cloud(reader), plan.network.voxel_size_m,
            load_label_space(plan.network.label_space),
            title=f'{plan.bag.name}, {plan.network.weights}')
        save_png(picture, plan.out / 'pictures' / 'map.png')
    except ConfigurationError as error:
        sys.stderr.write(f'warning: no picture: {error}\n')
