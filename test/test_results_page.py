"""The parameter counts that the pages print are those of the networks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

COUNT = re.compile(r'^\| `([\w-]+)` \| (\d+(?:,\d{3})+) \|', re.MULTILINE)
MILLIONS = re.compile(r'^\| `([\w-]+)` \| ([\d.]+) M \|', re.MULTILINE)


@pytest.fixture(scope='module')
def counted() -> dict[str, int]:
    torch = pytest.importorskip('torch')
    from ssc_ros.models.occdepth.network import OccDepthNetwork
    from ssc_ros.models.occdepth.presets import PRESETS

    def count(name: str) -> int:
        with torch.device('meta'):
            network = OccDepthNetwork(PRESETS[name])
        return sum(parameter.numel() for parameter in network.parameters())

    text = (Path(__file__).parents[1] / 'docs/results.md').read_text(encoding='utf-8')
    return {name: count(name) for name, _ in COUNT.findall(text) if name in PRESETS}


def test_the_results_page_counts_every_parameter(root: Path, counted: dict[str, int]) -> None:
    text = (root / 'docs/results.md').read_text(encoding='utf-8')
    printed = {name: int(number.replace(',', '')) for name, number in COUNT.findall(text)
               if name in counted}
    assert len(printed) >= 8 and printed == counted


def test_the_front_page_rounds_them(root: Path, counted: dict[str, int]) -> None:
    printed = dict(MILLIONS.findall((root / 'README.md').read_text(encoding='utf-8')))
    assert len(printed) >= 8
    for name, millions in printed.items():
        if name in counted:
            assert f'{counted[name] / 1e6:.1f}' == millions
