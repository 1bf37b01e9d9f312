"""SROS 2 policies: what every node may send, hear and serve, from the tables of reference.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from ssc_ros.nodes.reference import Interface, NodeReference

STANDARD_SENDS = ('/parameter_events', '/rosout', '~/transition_event')
STANDARD_LISTENS = ('/clock',)
STANDARD_SERVES = tuple(f'~/{name}' for name in (
    'change_state', 'describe_parameters', 'get_available_states', 'get_available_transitions',
    'get_parameter_types', 'get_parameters', 'get_state', 'get_transition_graph',
    'get_type_description', 'list_parameters', 'set_parameters', 'set_parameters_atomically'))
TF_TOPICS = ('/tf', '/tf_static')
ENCLAVE = '/ssc_ros'
# Of a bag, which only its operator knows; the enclave shall be narrowed to them.
ANY_TOPIC = '*'


def policy_document(node: str, reference: NodeReference, source: str = 'stereo_node') -> str:
    """
    Return the policy of one node, as ``ros2 security create_enclave`` and its kin read it.

    Args:
        source: the node that viewer_node shows.
    """
    listens = {topic.replace('<source>', source)
               for item in reference.interfaces if item.kind == 'listens'
               for topic in _topics(item)}
    if any(item.name == 'odom' for item in reference.interfaces):
        listens.update(TF_TOPICS)  # pose.source tf
    groups = (
        ('services', 'reply', {*STANDARD_SERVES, *_names(reference, 'serves')}),
        ('topics', 'publish', {*STANDARD_SENDS, *_names(reference, 'sends')}),
        ('topics', 'subscribe', {*STANDARD_LISTENS, *listens}))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<!-- What {node} needs and no more. Made by `make docs`; see docs/security.md. -->',
        '<policy version="0.2.0">', '  <enclaves>',
        f'    <enclave path={quoteattr(f"{ENCLAVE}/{node}")}>', '      <profiles>',
        f'        <profile ns="/" node={quoteattr(node)}>']
    for kind, access, names in groups:
        lines += _group(kind, access, names)
    lines += ['        </profile>', '      </profiles>', '    </enclave>', '  </enclaves>',
              '</policy>', '']
    return '\n'.join(lines)


def _names(reference: NodeReference, kind: str) -> Iterator[str]:
    return (_allowed(item.name) for item in reference.interfaces if item.kind == kind)


def _topics(item: Interface) -> Iterator[str]:
    """Yield a topic, and the compressed ones below an image topic of a camera."""
    yield _allowed(item.name)
    if item.name.endswith('image_rect'):
        is_depth = item.name.startswith('depth/')
        yield f'{item.name}/{"compressedDepth" if is_depth else "compressed"}'


def _allowed(name: str) -> str:
    is_open = ('<' in name and not name.startswith('<source>')) or ' ' in name
    return ANY_TOPIC if is_open else name


def _group(kind: str, access: str, names: Iterable[str]) -> list[str]:
    entry = kind[:-1]
    return [f'          <{kind} {access}="ALLOW">',
            *(f'            <{entry}>{escape(name)}</{entry}>' for name in sorted(names)),
            f'          </{kind}>']
