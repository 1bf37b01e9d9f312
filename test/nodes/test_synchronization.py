from __future__ import annotations

import sys
from types import ModuleType

import pytest

from ssc_ros.errors import ConfigurationError
from ssc_ros.nodes.settings import SyncParameters
from ssc_ros.nodes.synchronization import create_synchronizer

MS = 1_000_000


def make(policy='nearest'):
    drops = {}

    def drop(reason, count):
        drops[reason] = drops.get(reason, 0) + count

    parameters = SyncParameters(policy=policy, tolerance_ms=5.0)
    return create_synchronizer(['left', 'right'], parameters, drop), drops


def test_stamps_within_the_tolerance_make_a_set():
    synchronizer, drops = make()
    assert synchronizer.push('left', 100 * MS, 'l') == []
    assert list(synchronizer.push('right', 104 * MS, 'r')) == [{'left': 'l', 'right': 'r'}]
    assert sum(drops.values()) == 0


def test_stamps_beyond_the_tolerance_make_none_and_end_as_drops():
    synchronizer, drops = make()
    for index in range(100):
        assert synchronizer.push('left', index * 100 * MS, index) == []
        assert synchronizer.push('right', (index * 100 + 50) * MS, index) == []
    synchronizer.clear('reset')
    assert sum(drops.values()) == 200


def test_clearing_drops_what_waits():
    synchronizer, drops = make()
    synchronizer.push('left', 100 * MS, 'l')
    synchronizer.clear('reset')
    assert drops == {'reset': 1}
    assert synchronizer.push('right', 100 * MS, 'r') == []


def test_the_stock_filter_is_refused_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'message_filters', None)
    with pytest.raises(ConfigurationError, match=r'set sync\.policy to nearest'):
        make('message_filters_approximate')


class FakeFilter:
    def __init__(self):
        self.callbacks = {}

    def registerCallback(self, callback, *args):
        self.callbacks[len(self.callbacks)] = (callback, args)

    def signalMessage(self, *messages):
        for callback, args in self.callbacks.values():
            callback(*messages, *args)


class FakeSynchronizer(FakeFilter):
    """Pairs messages one by one."""

    def __init__(self, filters, queue_size, slop):
        super().__init__()
        self.queues = [[] for _ in filters]
        for source, queue in zip(filters, self.queues, strict=True):
            source.registerCallback(self.add, queue)

    def add(self, message, queue):
        queue.append(message)
        if all(self.queues):
            self.signalMessage(*(waiting.pop(0) for waiting in self.queues))


@pytest.fixture
def fake_message_filters(monkeypatch):
    """Stand in for message_filters, which has no wheel."""
    module = ModuleType('message_filters')
    module.SimpleFilter = FakeFilter
    module.ApproximateTimeSynchronizer = FakeSynchronizer
    monkeypatch.setitem(sys.modules, 'message_filters', module)


def test_the_stock_filter_is_fed_message_by_message(fake_message_filters):
    synchronizer, drops = make('message_filters_approximate')
    assert synchronizer.push('left', 1, 'l1') == []
    assert synchronizer.push('right', 1, 'r1') == [{'left': 'l1', 'right': 'r1'}]
    synchronizer.push('right', 2, 'r2')
    synchronizer.clear('stopped')
    assert drops == {'stopped': 1}
    assert synchronizer.push('left', 3, 'l3') == []
    assert synchronizer.push('right', 3, 'r3') == [{'left': 'l3', 'right': 'r3'}]
