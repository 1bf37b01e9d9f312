"""Tests of the text tables."""

from __future__ import annotations

import pytest

from ssc_ros.metrics import CompletionCounts, format_scores, format_table


def test_columns_line_up() -> None:
    table = format_table(['class', 'IoU'], [['floor', '91.2'], ['window', '100.0']])
    assert table.splitlines() == ['class     IoU', 'floor    91.2', 'window  100.0']


def test_rows_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match='zip'):
        format_table(['class', 'IoU'], [['floor']])


def test_scores_are_listed_in_percent_with_class_names() -> None:
    counts = CompletionCounts(3)
    counts.update([1, 2, 0, 0], [1, 2, 2, 0])
    lines = format_scores(counts.scores(), ['empty', 'floor', 'wall']).splitlines()
    assert lines[0].split() == ['score', '%']
    assert lines[3].split() == ['SC', 'IoU', '66.67']
    assert lines[-1].split() == ['wall', '50.00']
    assert not any(line.startswith('empty') for line in lines)
