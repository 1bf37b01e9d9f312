"""
Write config/*.yaml and docs/parameters.md from the parameter dataclasses of the nodes.

Run ``make docs`` after a parameter changed; a test compares the files with the classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ssc_ros.nodes.bag_player_node import BagPlayerParameters
from ssc_ros.nodes.bag_recorder_node import BagRecorderParameters
from ssc_ros.nodes.evaluator_node import EvaluatorParameters
from ssc_ros.nodes.mapping_settings import MappingParameters
from ssc_ros.nodes.parameters import ParameterEntry, parameter_reference, to_yaml
from ssc_ros.nodes.settings import RgbdParameters, SegmentationParameters, StereoParameters
from ssc_ros.nodes.viewer_node import ViewerParameters

ROOT = Path(__file__).resolve().parents[1]
NODE_PARAMETERS: Mapping[str, type[Any]] = {
    'stereo_node': StereoParameters,
    'rgbd_node': RgbdParameters,
    'segmentation_node': SegmentationParameters,
    'mapping_node': MappingParameters,
    'bag_player_node': BagPlayerParameters,
    'bag_recorder_node': BagRecorderParameters,
    'evaluator_node': EvaluatorParameters,
    'viewer_node': ViewerParameters,
}
CHANGES: Mapping[str, str] = {
    'live': '**any time**', 'activation': 'inactive', 'configuration': 'unconfigured',
    'start': 'start'}
PAGE_HEAD = """# Parameters

Made by `make docs` from the dataclasses in `ssc_ros/nodes`. The column *changes* tells in which
states `ros2 param set` may change a parameter: **any time** is taken at once, also while the node
is active; what is read when the node is activated must be set while it is inactive, and what is
read when it is configured while it is unconfigured. Everything else is refused with what to do
about it, and so is a value out of its range. Every topic also has the usual `qos_overrides.<topic>...`
parameters.
"""


def documents() -> dict[Path, str]:
    """Return every generated file with its text."""
    files = {
        ROOT / 'config' / f'{node}.yaml':
            f'# Every parameter of {node} with its default. Made by `make docs`.\n'
            + to_yaml(cls, '/**')
        for node, cls in NODE_PARAMETERS.items()}
    sections = [_section(node, parameter_reference(cls)) for node, cls in NODE_PARAMETERS.items()]
    files[ROOT / 'docs' / 'parameters.md'] = PAGE_HEAD + ''.join(sections)
    return files


def _section(node: str, entries: Iterable[ParameterEntry]) -> str:
    rows = [_row(entry) for entry in entries]
    return '\n'.join([
        f'\n## {node}\n', '| parameter | type | default | range | changes | meaning |',
        '|---|---|---|---|---|---|', *rows, ''])


def _row(entry: ParameterEntry) -> str:
    default = ', '.join(entry.default) if isinstance(entry.default, tuple) else str(entry.default)
    unit = f' {entry.unit}' if entry.unit else ''
    return (f'| `{entry.name}` | {entry.type_name} | {default or "(empty)"} | '
            f'{entry.constraint}{unit} | {CHANGES[entry.read]} | {entry.description} |')


if __name__ == '__main__':
    for path, text in documents().items():
        path.write_text(text, encoding='utf-8')
