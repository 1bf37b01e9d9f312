"""Published figures, and the experiments that reproduce them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

TABLES_FOLDER = Path(__file__).parent
EXPERIMENTS_FOLDER = Path(__file__).parents[1] / 'experiments'

Row = Mapping[str, Any]


def papers() -> tuple[str, ...]:
    """Return the papers whose tables are known."""
    return tuple(sorted(path.stem for path in TABLES_FOLDER.glob('*.yaml')))


def read_tables(paper: str) -> list[dict[str, Any]]:
    """Return the tables of a paper: id, title and rows."""
    tables: list[dict[str, Any]] = yaml.safe_load(
        (TABLES_FOLDER / f'{paper}.yaml').read_text(encoding='utf-8'))
    return tables


@lru_cache(maxsize=1)
def experiments_by_row() -> dict[str, list[str]]:
    """Return the experiment files that reproduce each row."""
    found: dict[str, list[str]] = {}
    for path in sorted(EXPERIMENTS_FOLDER.glob('*/*.yaml')):
        row = (yaml.safe_load(path.read_text(encoding='utf-8')) or {}).get('reproduces')
        if row:
            found.setdefault(row, []).append(f'{path.parent.name}/{path.name}')
    return found


def by_experiment(ident: str) -> str:
    """Name the experiment files that would reproduce a row."""
    names = experiments_by_row().get(ident)
    return f' ({", ".join(names)})' if names else ''
