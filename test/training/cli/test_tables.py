"""Tests of the published tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ssc_ros.labels import load_label_space
from ssc_ros.models.occdepth.presets import load_preset
from training.cli.tables import measured_rows, print_tables, read_tables


def all_rows() -> list[dict]:
    return [row for table in read_tables('occdepth') for row in table['rows']]


def test_every_row_has_an_id_of_its_own() -> None:
    ids = [row['id'] for row in all_rows()]
    assert len(set(ids)) == len(ids)


def test_every_configuration_is_a_preset() -> None:
    names = {row['configuration'] for row in all_rows()} - {None}
    assert {load_preset(name).name for name in names} == names


def test_the_increments_of_the_ablation_are_those_of_the_paper() -> None:
    rows = {row['id']: row for row in all_rows()}
    full, without = rows['ablation/no-tmo'], rows['ablation/no-distillation']
    assert full['iou'] - without['iou'] == pytest.approx(0.02)
    assert full['miou'] - without['miou'] == pytest.approx(0.51)


def test_class_figures_average_to_the_published_miou() -> None:
    row = next(row for row in all_rows() if 'per_class' in row)
    assert set(row['per_class']) == set(load_label_space('semantic_kitti20').names[1:])
    assert sum(row['per_class'].values()) / 19 == pytest.approx(row['miou'], abs=0.1)


def test_measured_scores_stand_beside_the_published_ones(tmp_path: Path, capsys) -> None:
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'test.json').write_text(json.dumps(
        {'reproduces': 'released/k3', 'sc_iou': 0.41, 'ssc_miou': 0.1234, 'frames': 815}))
    assert list(measured_rows(tmp_path)) == ['released/k3']
    print_tables('occdepth', tmp_path)
    row = next(line for line in capsys.readouterr().out.splitlines()
               if line.startswith('SemanticKITTI val'))
    assert row.split()[-5:] == ['41.60', '41.00', '12.84', '12.34', '815']
