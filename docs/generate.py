"""
Write what is said of the nodes from their code: parameters, topics and services.

That is config/<node>.yaml, the policies in config/security, docs/parameters.md, docs/topics.md
and the table of nodes in README.md. Run ``make docs`` after a change; a test compares the files
with the code.
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
from ssc_ros.nodes.policies import policy_document
from ssc_ros.nodes.reference import NODES, Interface, NodeReference
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
about it, and so is a value out of its range. Every topic also has the usual
`qos_overrides.<topic>...` parameters.
"""
TOPICS_HEAD = """# Topics and services

Made by `make docs` from `ssc_ros/nodes/reference.py`; a test compares it with running nodes. Names
that begin with `~/` lie below the name of the node, the others are relative and meant to be
remapped. QoS: reliability, durability, depth; `qos_overrides.<topic>...` parameters change it.

Messages carry the stamp of the image they were made of. *frame* is their `frame_id`: "of the
image" is the optical frame that the first image names. *when*: what says "subscribed" is only
built and sent while somebody listens and the node is active. All nodes also have the services of
managed nodes (`~/change_state` ...) and of parameters (`~/set_parameters` ...).
"""
KINDS = (('listens', 'Listens to'), ('sends', 'Sends'), ('serves', 'Serves'))
TABLE_BEGIN, TABLE_END = '<!-- {}: made by make docs -->', '<!-- end of {} -->'


def documents() -> dict[Path, str]:
    """Return every generated file with its text."""
    files = {
        ROOT / 'config' / f'{node}.yaml':
            f'# Every parameter of {node} with its default. Made by `make docs`.\n'
            + to_yaml(cls, '/**')
        for node, cls in NODE_PARAMETERS.items()}
    sections = [_section(node, parameter_reference(cls)) for node, cls in NODE_PARAMETERS.items()]
    files[ROOT / 'docs' / 'parameters.md'] = PAGE_HEAD + ''.join(sections)
    files[ROOT / 'docs' / 'topics.md'] = TOPICS_HEAD + ''.join(
        _topics(node, reference) for node, reference in NODES.items())
    files.update({
        ROOT / 'config' / 'security' / 'policies' / f'{node}.policy.xml':
            policy_document(node, reference) for node, reference in NODES.items()})
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    files[ROOT / 'README.md'] = _between_markers(readme, 'nodes', _node_rows())
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


def _topics(node: str, reference: NodeReference) -> str:
    lines = [f'\n## {node}\n', f'{reference.takes} → {reference.gives}.']
    for kind, title in KINDS:
        found = [item for item in reference.interfaces if item.kind == kind]
        if found and kind == 'serves':
            lines += [f'\n**{title}**\n', '| service | type | content |', '|---|---|---|',
                      *(f'| `{item.name}` | {item.type_name} | {item.description} |'
                        for item in found)]
        elif found:
            lines += [f'\n**{title}**\n', '| topic | type | QoS | frame | when | content |',
                      '|---|---|---|---|---|---|', *map(_topic_row, found)]
    return '\n'.join([*lines, ''])


def _topic_row(item: Interface) -> str:
    return (f'| `{item.name}` | {item.type_name or "any"} | {_qos(item)} | {item.frame} | '
            f'{item.when} | {item.description} |')


def _qos(item: Interface) -> str:
    assert item.qos is not None  # of every topic
    qos = item.qos()
    return f'{_words(qos.reliability)}, {_words(qos.durability)}, {qos.depth}'


def _words(policy: Any) -> str:
    return str(policy.name).lower().replace('_', ' ')


def _node_rows() -> list[str]:
    return ['| executable | input | network | output |', '|---|---|---|---|',
            *(f'| [`{node}`](docs/topics.md#{node}) | {item.takes} | {item.network} | '
              f'{item.gives} |' for node, item in NODES.items())]


def _between_markers(text: str, name: str, rows: Iterable[str]) -> str:
    begin, end = TABLE_BEGIN.format(name), TABLE_END.format(name)
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f'README.md lacks the markers {begin} and {end}')
    return '\n'.join([before + begin, '', *rows, '', end + after])


if __name__ == '__main__':
    for path, text in documents().items():
        path.write_text(text, encoding='utf-8')
