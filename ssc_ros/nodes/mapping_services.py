"""Services around the files of a map: ~/save, ~/load, ~/export_mesh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.node import Node
from std_srvs.srv import Trigger

from ssc_ros.errors import SscError
from ssc_ros.fusion.map_files import load_map, save_map
from ssc_ros.fusion.mesh import write_ply
from ssc_ros.nodes.mapping_engine import MappingEngine
from ssc_ros.paths import replacing

MAP_SUFFIX, MESH_SUFFIX = '.npz', '.ply'

FindEngine = Callable[[], 'MappingEngine | None']
FindPath = Callable[[str], Path]


class MapServices:
    """
    The services of one node.

    Args:
        node: offers them.
        engine: returns the engine, None while there is none.
        path: returns where a file with a suffix lies.
    """

    def __init__(self, node: Node, engine: FindEngine, path: FindPath) -> None:
        self._engine, self._path = engine, path
        for name, work in (('save', self._save), ('load', self._load),
                           ('export_mesh', self._export)):
            node.create_service(Trigger, f'~/{name}', self._serving(work))

    def _serving(self, work: Callable[[MappingEngine], str]) -> Callable[[Any, Any], Any]:
        def serve(request: Any, response: Any) -> Any:
            try:
                engine = self._engine()
                if engine is None:
                    raise SscError('there is no map: configure the node first')
                response.success, response.message = True, work(engine)
            except (SscError, OSError) as error:
                response.success, response.message = False, str(error)
            return response

        return serve

    def _save(self, engine: MappingEngine) -> str:
        path = self._path(MAP_SUFFIX)
        save_map(path, engine.map.view())
        return f'saved {path}'

    def _load(self, engine: MappingEngine) -> str:
        path = self._path(MAP_SUFFIX)
        engine.map.restore(load_map(path))
        return f'loaded {path}'

    def _export(self, engine: MappingEngine) -> str:
        path, mesh = self._path(MESH_SUFFIX), engine.map.view().mesh()
        with replacing(path) as partial:
            write_ply(partial, mesh)
        seen = int(mesh.observed.sum())
        return (f'wrote {path}: {len(mesh.faces)} triangles, {seen} of {len(mesh.vertices)} '
                'vertices measured')
