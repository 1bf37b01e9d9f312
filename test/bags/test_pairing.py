"""Messages of equal stamps meet, in either order; what never meets is counted."""

from __future__ import annotations

from ssc_ros.bags.pairing import StampPairs


def test_a_pair_comes_out_in_the_order_of_the_sides_whichever_came_first() -> None:
    pairs = StampPairs(('estimate', 'truth'))
    assert pairs.add('truth', 1, 't1') is None
    assert pairs.add('estimate', 1, 'e1') == ('e1', 't1')
    assert pairs.add('estimate', 2, 'e2') is None
    assert pairs.add('truth', 2, 't2') == ('e2', 't2')
    assert pairs.waiting == {'estimate': 0, 'truth': 0}


def test_the_oldest_of_too_many_waiting_items_is_given_up_and_counted() -> None:
    pairs = StampPairs(('estimate', 'truth'), capacity=2)
    for stamp in (1, 2, 3):
        pairs.add('truth', stamp, stamp)
    assert pairs.unmatched == {'estimate': 0, 'truth': 1}
    assert pairs.add('estimate', 1, 'e') is None
    assert pairs.add('estimate', 2, 'e') == ('e', 2)
