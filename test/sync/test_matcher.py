"""Tests of matching by nearest stamp."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from ssc_ros.sync import NearestStampMatcher

MS = 1_000_000
START = 1_000 * MS


def feed(matcher: NearestStampMatcher, *messages: tuple[str, int]) -> list[dict[str, int]]:
    """Push (input, milliseconds after the start); each message is its own time."""
    sets = []
    for name, time_ms in messages:
        sets += matcher.push(name, START + time_ms * MS, time_ms)
    return [dict(matched) for matched in sets]


def stereo(**options: int) -> NearestStampMatcher:
    return NearestStampMatcher(['left', 'right'], 'left', **options)


def dropped(matcher: NearestStampMatcher) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name in ('left', 'right'):
        total.update(matcher.counts(name).dropped)
    return dict(total)


class TestMatching:
    def test_equal_stamps_match_at_once_in_any_order(self) -> None:
        matcher = stereo()
        assert feed(matcher, ('left', 0), ('right', 0)) == [{'left': 0, 'right': 0}]
        assert feed(matcher, ('right', 33), ('left', 33)) == [{'left': 33, 'right': 33}]

    def test_one_input_alone_passes_through(self) -> None:
        matcher = NearestStampMatcher(['rgb'], 'rgb')
        assert feed(matcher, ('rgb', 0), ('rgb', 33)) == [{'rgb': 0}, {'rgb': 33}]

    def test_a_partner_at_the_tolerance_counts_and_one_beyond_does_not(self) -> None:
        assert feed(stereo(), ('left', 100), ('right', 120)) == [{'left': 100, 'right': 120}]
        matcher = stereo()
        assert feed(matcher, ('left', 100), ('right', 121)) == []
        assert dropped(matcher) == {'unmatched': 1}

    def test_the_nearer_of_two_partners_wins(self) -> None:
        matcher = stereo()
        feed(matcher, ('right', 0), ('right', 15))
        assert feed(matcher, ('left', 12)) == [{'left': 12, 'right': 15}]
        assert dropped(matcher) == {'superseded': 1}

    def test_a_nearer_partner_that_is_due_is_waited_for(self) -> None:
        matcher = stereo()
        assert feed(matcher, ('right', 0), ('right', 15), ('left', 28)) == []
        assert feed(matcher, ('right', 30)) == [{'left': 28, 'right': 30}]

    def test_a_partner_that_fits_the_next_pivot_better_is_left_to_it(self) -> None:
        matcher = stereo()
        feed(matcher, ('left', 0), ('right', 1), ('left', 16))
        assert feed(matcher, ('right', 34)) == []
        assert feed(matcher, ('left', 33)) == [{'left': 33, 'right': 34}]
        assert dropped(matcher) == {'unmatched': 1}

    def test_waiting_ends_with_the_next_pivot(self) -> None:
        matcher = stereo()
        feed(matcher, ('right', 0), ('right', 15), ('left', 28))
        assert feed(matcher, ('left', 61)) == [{'left': 28, 'right': 15}]

    def test_three_inputs_need_all_partners(self) -> None:
        matcher = NearestStampMatcher(['left', 'right', 'pose'], 'left')
        assert feed(matcher, ('left', 0), ('pose', 4)) == []
        assert feed(matcher, ('right', 1)) == [{'left': 0, 'right': 1, 'pose': 4}]

    def test_a_slow_partner_matches_every_other_pivot(self) -> None:
        matcher = stereo()
        stream = sorted([('left', 33 * k) for k in range(12)]
                        + [('right', 66 * k + 2) for k in range(6)], key=lambda item: item[1])
        assert feed(matcher, *stream) == [
            {'left': 66 * k, 'right': 66 * k + 2} for k in range(6)]
        assert dropped(matcher) == {'unmatched': 5}


class TestDisorder:
    def test_a_looping_bag_keeps_delivering(self) -> None:
        matcher = stereo()
        lap = [(name, 33 * k) for k in range(100) for name in ('left', 'right')]
        assert len(feed(matcher, *lap)) == 100
        assert len(feed(matcher, *lap)) == 100
        assert matcher.resets == 1

    def test_a_loop_with_full_queues_counts_what_it_throws_away(self) -> None:
        matcher = stereo(max_age_ns=10_000 * MS)
        feed(matcher, *[('left', 3_000 + 33 * k) for k in range(10)])
        assert feed(matcher, ('left', 0), ('right', 0)) == [{'left': 0, 'right': 0}]
        assert dropped(matcher) == {'reset': 10}

    def test_both_inputs_jumping_back_lose_only_the_crossing_messages(self) -> None:
        matcher = stereo()
        feed(matcher, ('left', 9_000), ('right', 9_000), ('left', 0), ('right', 9_033))
        feed(matcher, ('left', 33), ('right', 0), ('right', 33), ('left', 66))
        assert feed(matcher, ('right', 66)) == [{'left': 66, 'right': 66}]

    def test_a_stamp_from_the_future_costs_no_more_than_the_current_sets(self) -> None:
        matcher = stereo()
        feed(matcher, ('left', 0), ('right', 0), ('left', 10**9))
        feed(matcher, ('right', 33), ('left', 33), ('right', 66))
        assert feed(matcher, ('left', 66)) == [{'left': 66, 'right': 66}]

    def test_a_gap_is_no_reset(self) -> None:
        matcher = stereo()
        feed(matcher, ('left', 0), ('right', 0))
        assert feed(matcher, ('left', 60_000), ('right', 60_000))
        assert matcher.resets == 0

    def test_messages_slightly_out_of_order_still_match(self) -> None:
        matcher = stereo()
        feed(matcher, ('right', 33), ('right', 0))
        assert feed(matcher, ('left', 0)) == [{'left': 0, 'right': 0}]
        assert feed(matcher, ('left', 33)) == [{'left': 33, 'right': 33}]

    def test_a_message_older_than_a_used_one_is_late(self) -> None:
        matcher = stereo()
        feed(matcher, ('left', 100), ('right', 100), ('right', 90), ('left', 90))
        assert dropped(matcher) == {'late': 2}

    def test_duplicates_are_dropped_waiting_or_used(self) -> None:
        matcher = stereo()
        feed(matcher, ('left', 0), ('left', 0), ('right', 0), ('right', 0))
        assert dropped(matcher) == {'duplicate': 2}
        assert matcher.counts('left').matched == 1

    @pytest.mark.parametrize('stamp_ns', [0, -5])
    def test_messages_without_stamp_are_dropped_and_reset_nothing(self, stamp_ns: int) -> None:
        matcher = stereo()
        feed(matcher, ('left', 0))
        assert matcher.push('right', stamp_ns, 'unstamped') == []
        assert feed(matcher, ('right', 0)) == [{'left': 0, 'right': 0}]
        assert (dropped(matcher), matcher.resets) == ({'no_stamp': 1}, 0)


class TestBounds:
    def test_too_many_waiting_lose_the_oldest(self) -> None:
        matcher = stereo(max_waiting=3)
        feed(matcher, *[('left', k) for k in range(5)])
        assert dropped(matcher) == {'overflow': 2}
        assert matcher.counts('left').pending == 3

    def test_too_old_ones_expire_though_their_own_input_is_silent(self) -> None:
        matcher = stereo()
        feed(matcher, ('right', 0), ('left', 1_000))
        assert dropped(matcher) == {}
        feed(matcher, ('left', 1_001))
        assert matcher.counts('right').dropped == {'expired': 1}

    def test_clearing_returns_what_waited_and_tells_nobody(self) -> None:
        told: list[tuple[str, int]] = []
        matcher: NearestStampMatcher[int] = NearestStampMatcher(
            ['left', 'right'], 'left', on_drop=lambda *drop: told.append(drop))
        feed(matcher, ('left', 0), ('left', 33), ('left', 66))
        assert (matcher.clear(), told) == (3, [])
        assert dropped(matcher) == {'cleared': 3}
        assert feed(matcher, ('right', 0), ('left', 0)) == [{'left': 0, 'right': 0}]

    def test_impossible_settings_are_refused(self) -> None:
        with pytest.raises(ConfigurationError, match='contain the pivot'):
            NearestStampMatcher(['left', 'right'], 'depth')
        with pytest.raises(ConfigurationError, match='be different'):
            NearestStampMatcher(['left', 'left'], 'left')
        with pytest.raises(ConfigurationError, match='tolerance -1 ns'):
            stereo(tolerance_ns=-1)


NAMES = ('left', 'right', 'pose')
anything = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(-2 * 10**9, 6 * 10**9)), max_size=80)


@settings(max_examples=300)
@given(anything)
def test_every_message_is_used_dropped_or_pending(stream: list[tuple[str, int]]) -> None:
    told: Counter[str] = Counter()
    matcher: NearestStampMatcher[int] = NearestStampMatcher(
        NAMES, 'left', max_waiting=5,
        on_drop=lambda reason, count: told.update({reason: count}))
    used: list[int] = []
    for index, (name, stamp_ns) in enumerate(stream):
        for matched in matcher.push(name, stamp_ns, index):
            used += matched.values()
            stamps = {stream[position][1] for position in matched.values()}
            pivot_ns = stream[matched['left']][1]
            assert all(abs(stamp_ns - pivot_ns) <= 20 * MS for stamp_ns in stamps)
            assert {stream[position][0] for position in matched.values()} == set(NAMES)
        counts = {name: matcher.counts(name) for name in NAMES}
        for name, count in counts.items():
            assert count.pushed == sum(entry[0] == name for entry in stream[:index + 1])
            assert count.pushed == count.matched + sum(count.dropped.values()) + count.pending
            assert count.pending <= 5
        assert sum(told.values()) == sum(
            sum(count.dropped.values()) for count in counts.values())
    assert len(set(used)) == len(used)


@settings(max_examples=200)
@given(st.lists(st.integers(-8, 8), min_size=40, max_size=40), st.integers(0, 2**32))
def test_jittering_cameras_match_frame_by_frame(jitter: list[int], order: int) -> None:
    matcher = stereo()
    sets: list[dict[str, int]] = []
    for k in range(20):
        pair = [('left', 40 * k + jitter[2 * k]), ('right', 40 * k + jitter[2 * k + 1])]
        sets += feed(matcher, *(pair if order >> k & 1 else reversed(pair)))
    # Only the last pair may still wait for what comes next.
    assert len(sets) >= 19
    assert sets == [{'left': 40 * k + jitter[2 * k], 'right': 40 * k + jitter[2 * k + 1]}
                    for k in range(len(sets))]


def test_a_new_tolerance_holds_from_the_next_message_on():
    matcher = NearestStampMatcher(['left', 'right'], 'left', tolerance_ns=10)
    assert matcher.push('left', 1_000, 'L') == [] and matcher.push('right', 1_050, 'R') == []
    matcher.set_tolerance(60)
    assert matcher.push('left', 2_000, 'L') == []
    assert matcher.push('right', 2_050, 'R') == [{'left': 'L', 'right': 'R'}]
    with pytest.raises(ConfigurationError, match='must not be negative'):
        matcher.set_tolerance(-1)
