from __future__ import annotations

from ssc_ros.nodes.ledger import Ledger


def test_what_is_neither_used_nor_dropped_is_pending():
    ledger = Ledger(['left', 'right'])
    for _ in range(3):
        ledger.receive('left')
        ledger.receive('right')
    ledger.use({'left': 'a message', 'right': 'another'})
    ledger.drop('superseded', 2)
    totals = ledger.totals()
    assert totals.received == {'left': 3, 'right': 3} and totals.used == {'left': 1, 'right': 1}
    assert totals.dropped == {'superseded': 2} and totals.pending == 2


def test_totals_are_a_copy():
    ledger = Ledger(['left'])
    totals = ledger.totals()
    ledger.receive('left')
    assert totals.received == {'left': 0}
