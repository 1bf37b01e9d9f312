from __future__ import annotations

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.metrics.protocols import PROTOCOLS, find_protocol


@pytest.mark.parametrize(('name', 'expected'), [
    ('partial_to_full', ('inc', 'cmp')), ('partial_to_partial', ('inc', 'inc')),
    ('full_to_full', ('cmp', 'cmp'))])
def test_a_protocol_says_what_is_read_and_what_is_scored_on(name, expected):
    assert find_protocol(name).choose('inc', 'cmp') == expected


def test_an_unknown_protocol_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match=', '.join(PROTOCOLS)):
        find_protocol('full_to_partial')
