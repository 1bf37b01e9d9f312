"""Posed colour and depth in, a map of the surroundings with its hidden parts completed out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from traceback import format_exc
from typing import Any

from ssc_ros.errors import ConfigurationError, DataError
from ssc_ros.fusion.posed_frame import PosedFrame
from ssc_ros.memory import trim_memory
from ssc_ros.models.estimator import load_volume_estimator
from ssc_ros.models.volumes import VolumeEstimator
from ssc_ros.nodes.flow import FrameParts
from ssc_ros.nodes.lifecycle_node import run_node
from ssc_ros.nodes.mapping_engine import Integration, MappingEngine
from ssc_ros.nodes.mapping_outputs import MAP_OUTPUTS, MapScene
from ssc_ros.nodes.mapping_services import MapServices
from ssc_ros.nodes.mapping_settings import MappingParameters
from ssc_ros.nodes.outputs import OutputPublisher
from ssc_ros.nodes.perception_node import PerceptionNode
from ssc_ros.nodes.poses import create_pose_source
from ssc_ros.nodes.refusals import ESTIMATOR_FAILED, INTERNAL_ERROR, NO_POSE, refusing
from ssc_ros.nodes.repeater import Repeater
from ssc_ros.nodes.rgbd_node import RgbdNode
from ssc_ros.nodes.timings import Stopwatch

# What did not change is sent all the same this often, for who came later.
REPEAT_S = 5.0
# Copies of a map are large, and the C library keeps freed ones in an arena for every thread: this
# often it gives them back. Each time costs the threads some milliseconds.
TRIM_S = 10.0


class MappingNode(PerceptionNode[MappingParameters]):
    """Fuses posed RGB-D frames; a network completes the map at its own pace, in its own thread."""

    image_inputs = RgbdNode.image_inputs
    outputs = MAP_OUTPUTS

    def __init__(
        self, *, load: Callable[..., VolumeEstimator] = load_volume_estimator, **options: Any,
    ) -> None:
        super().__init__(
            'mapping_node', MappingParameters, load=partial(self._load_engine, load), **options)
        self._repeaters: list[Repeater] = []
        self._sent = (-1, -1, 0.0)
        self._trimmed_s = monotonic()
        self._map_services = MapServices(self, lambda: self.engine, self._file)

    @property
    def engine(self) -> MappingEngine | None:
        """The map and its network, None while the node is not configured."""
        engine: MappingEngine | None = self._estimator
        return engine

    def _load_engine(
        self, load: Callable[..., VolumeEstimator], weights: str, **options: Any,
    ) -> MappingEngine:
        engine = MappingEngine(load(weights, **options), self.parameters)
        x, y, z = engine.extent_m
        self.get_logger().info(
            f'the map covers {x:.2f} x {y:.2f} x {z:.2f} m in voxels of '
            f'{engine.map.voxel_size_m:g} m and takes {engine.map.memory_bytes / 1e6:.0f} MB')
        return engine

    def create_handler(self, estimator: MappingEngine, publisher: OutputPublisher) -> MapHandler:
        """Return a handler that finds the pose of every frame."""
        return MapHandler(self)

    def handle_activate(self) -> None:
        """Listen, complete and send."""
        super().handle_activate()
        self._sent = (-1, -1, 0.0)
        self._repeaters = [
            Repeater('completion', self._complete, lambda: self.parameters.completion.rest_s),
            Repeater('map_output', self._send, lambda: self.parameters.outputs.period_s)]

    def handle_deactivate(self) -> None:
        """Stop all threads; the map stays as it is."""
        repeaters, self._repeaters = self._repeaters, []
        have_ended = [repeater.stop() for repeater in repeaters]
        if not all(have_ended):
            self.get_logger().info('the network finishes what it works on')
        super().handle_deactivate()

    def handle_cleanup(self) -> None:
        """Free the map and the network."""
        if self.engine is not None:
            self.engine.close()
        super().handle_cleanup()

    def _complete(self) -> None:
        engine, values = self.engine, self.parameters.completion
        if engine is None or not values.enabled:
            return
        try:
            durations_ms = engine.complete(values.ahead_m)
        except Exception:
            self.reporter.warn(
                ESTIMATOR_FAILED, engine.name, f'the map was not completed: {format_exc()}')
            return
        if durations_ms:
            self._timings.record(durations_ms)
            if self._stages is not None:
                self._stages.publish(durations_ms)

    def _send(self) -> None:
        engine, publisher = self.engine, self._publisher
        # After a signal there is nobody to send to.
        if engine is None or publisher is None or not self.context.ok():
            return
        state = engine.map.changes, engine.counts.completions
        if state == self._sent[:2] and monotonic() < self._sent[2] + REPEAT_S:
            return
        self._sent = (*state, monotonic())
        watch = Stopwatch()
        try:
            with watch.stage('publish_map'):
                publisher.publish(MapScene(engine.map.view, engine.label_space, self.parameters))
        except Exception:
            if self.context.ok():
                self.reporter.warn(INTERNAL_ERROR, self.get_name(), format_exc())
            return
        self._timings.record(watch.durations_ms)
        if monotonic() > self._trimmed_s + TRIM_S:
            self._trimmed_s = monotonic()
            trim_memory()

    def _serve_reset(self, request: Any, response: Any) -> Any:
        response = super()._serve_reset(request, response)
        if self.engine is not None:
            self.engine.clear()
        response.message = f'map emptied; {response.message}'
        return response

    def _file(self, suffix: str) -> Path:
        """Return the file of the map; a relative name from the start is confined, too."""
        name = self.parameters.map.file
        if not Path(name).name:
            raise ConfigurationError(f'map.file is {name!r}: give the name of a file')
        name += suffix
        return Path(name) if Path(name).is_absolute() else self.confined_path(name)

    def network_details(self) -> dict[str, str]:
        """Return what became of the map."""
        engine = self.engine
        if engine is None:
            return {}
        counts, box = engine.counts, engine.map.box
        size = engine.map.voxel_size_m
        y, x = ((first + length / 2) * size
                for first, length in zip(box.start, box.shape, strict=True))
        return {
            'frames fused': str(counts.frames), 'completions': str(counts.completions),
            'tiles to complete': str(engine.waiting_tiles),
            'completions discarded': str(counts.discarded), 'map resets': str(counts.resets),
            'map memory (MB)': f'{engine.map.memory_bytes / 1e6:.1f}',
            'map centre x, y (m)': f'{x:.2f}, {y:.2f}',
            'completion enabled': str(self.parameters.completion.enabled).lower()}


class MapHandler:
    """Posed frames of the images; the map itself is sent by a thread of its own."""

    def __init__(self, node: MappingNode) -> None:
        self._pose_source = create_pose_source(
            node, lambda: node.parameters.pose.looked_up(), node.reporter)

    def build(
        self, parts: FrameParts, watch: Stopwatch,
    ) -> tuple[PosedFrame, Callable[[Integration], None]]:
        """Return the frame with its pose."""
        with watch.stage('pose'), refusing(parts.topic, NO_POSE):
            T_world_camera = self._pose_source.pose_at(parts.stamp_ns, parts.frame_id)
        rgb, depth_m = parts.images['rgb'], parts.images['depth']
        camera = parts.calibrations['rgb'].rectified_camera()
        if not rgb.shape[:2] == depth_m.shape == camera.size:
            raise DataError(
                f'colour is {rgb.shape[:2]}, depth {depth_m.shape} and the calibration '
                f'{camera.size}: publish depth registered to the colour camera')
        frame = PosedFrame(
            str(parts.stamp_ns), depth_m, rgb, camera, camera, T_world_camera, parts.stamp_ns)
        return frame, lambda integration: None

    def clear(self) -> None:
        """Forget received poses."""
        self._pose_source.clear()

    def close(self) -> None:
        """Stop listening to poses."""
        self._pose_source.close()


def main(args: Sequence[str] | None = None) -> int:
    """Run the node; the entry point of the executable."""
    return run_node(MappingNode, args)


if __name__ == '__main__':
    raise SystemExit(main())
