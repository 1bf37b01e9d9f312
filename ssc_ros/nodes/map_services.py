"""The services of a node that keeps a fused map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from std_srvs.srv import Trigger

from ssc_ros.errors import SscError
from ssc_ros.nodes.compat import LifecycleNode
from ssc_ros.nodes.temporal_fusion import TemporalFusion


class MapServices:
    """
    ``~/reset_map``, ``~/save_map`` and ``~/load_map``, all of std_srvs/Trigger.

    Args:
        get_fusion: the map that the node keeps now, None = none.
        get_path: the file to save and load; names from outside are confined before.
    """

    def __init__(
        self, node: LifecycleNode, get_fusion: Callable[[], TemporalFusion | None],
        get_path: Callable[[], Path],
    ) -> None:
        self._node = node
        self._get_fusion = get_fusion
        self._get_path = get_path
        for name, act in (('reset', self._reset), ('save', self._save), ('load', self._load)):
            node.create_service(Trigger, f'~/{name}_map', self._serving(act))

    def _serving(self, act: Callable[[TemporalFusion], str]) -> Callable[[Any, Any], Any]:
        def serve(request: Any, response: Any) -> Any:
            fusion = self._get_fusion()
            response.success = fusion is not None
            response.message = (
                'there is no fused map: set fusion.enabled and configure the node')
            if fusion is not None:
                try:
                    response.message = act(fusion)
                except (SscError, OSError) as error:
                    response.success, response.message = False, str(error)
            self._log(response)
            return response

        return serve

    def _log(self, response: Any) -> None:
        # One logger call per line of code: rclpy allows each only one severity.
        if response.success:
            self._node.get_logger().info(response.message)
        else:
            self._node.get_logger().warning(response.message)

    def _reset(self, fusion: TemporalFusion) -> str:
        fusion.reset()
        return 'the fused map is empty'

    def _save(self, fusion: TemporalFusion) -> str:
        path = self._get_path()
        return f'{fusion.save(path)} voxels saved to {path}'

    def _load(self, fusion: TemporalFusion) -> str:
        path = self._get_path()
        return f'{fusion.load(path)} voxels loaded from {path}'
