"""Every feature of docs/features.md has its place and its test, and both exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / 'docs' / 'features.md'
ROWS = [[cell.strip() for cell in line.strip('|').split('|')]
        for line in PAGE.read_text(encoding='utf-8').splitlines() if re.match(r'\| \d+ \|', line)]


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
            if isinstance(node, ast.FunctionDef)}


def test_there_are_fifteen_features():
    assert [row[0] for row in ROWS] == [str(number) for number in range(1, 16)]


@pytest.mark.parametrize('row', ROWS, ids=lambda row: f'feature-{row[0]}')
def test_a_feature_has_a_place_a_test_and_a_figure_or_says_it_has_none(root, row):
    _, feature, places, tests, figure = row
    assert feature and figure
    for place in re.findall(r'`([^`]+)`', places):
        assert (root / place).exists(), place
    named = re.findall(r'`(test/[^`:]+)::(\w+)`', tests)
    assert named
    for path, name in named:
        assert (root / path).is_file(), path
        assert name in functions(root / path), f'{path}::{name}'
    for script in re.findall(r'`(benchmarks/[^`]+)`', tests):
        assert (root / script).is_file(), script


def test_links_into_the_benchmarks_lead_to_sections(root):
    headings = {
        '-'.join(re.sub(r'[^\w\s-]', '', line.lstrip('# ')).lower().split())
        for line in (root / 'docs' / 'benchmarks.md').read_text(encoding='utf-8').splitlines()
        if line.startswith('#')}
    anchors = re.findall(r'benchmarks\.md#([\w-]+)', PAGE.read_text(encoding='utf-8'))
    assert anchors and set(anchors) <= headings
