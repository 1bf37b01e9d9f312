"""Tests of the published tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ssc_ros.labels import load_label_space
from ssc_ros.metrics import BenchmarkCounts, sketch_region
from ssc_ros.models.occdepth.presets import load_preset
from training.cli.tables import REPORTS, print_tables
from training.tables.measured import benchmark_result, measured_rows, write_result
from training.tables.published import papers, read_tables


def all_rows() -> list[dict]:
    return [row for table in read_tables('occdepth') for row in table['rows']]


def test_every_paper_has_a_report() -> None:
    assert set(REPORTS) == set(papers())


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


def run_of(folder: Path, **result: object) -> None:
    folder.mkdir(parents=True)
    (folder / 'test.json').write_text(json.dumps({
        'experiment': folder.name, 'per_class_iou': dict.fromkeys(
            load_label_space('nyu12').names[1:], 0.25), 'sc_precision': 0.8, 'sc_recall': 0.7,
        'frames': 654, **result}))


def lines_of(capsys, tmp_path: Path, **options: bool) -> list[str]:
    print_tables('ammnet', tmp_path, **options)
    return capsys.readouterr().out.splitlines()


def test_seeds_are_averaged_with_their_spread(tmp_path: Path, capsys) -> None:
    for seed, iou in ((1, 0.75), (2, 0.77)):
        run_of(tmp_path / f'seed-{seed}', reproduces='modules/baseline', sc_iou=iou,
               ssc_miou=0.46, seed=seed)
    row = next(line for line in lines_of(capsys, tmp_path) if line.startswith('Baseline '))
    assert '71.60  76.00 +- 1.41' in row and '46.10  46.00 +- 0.00' in row


def test_one_measurement_stands_in_every_table_with_its_configuration(
    tmp_path: Path, capsys,
) -> None:
    run_of(tmp_path / 'full', reproduces='nyu/ammnet-segformer', sc_iou=0.5, ssc_miou=0.4, seed=1)
    lines = [line for line in lines_of(capsys, tmp_path) if ' 50.00 ' in line]
    assert len(lines) == 5  # tables 1, 3, 4, S1 and S2
    assert all('segformer_b2, M123, D erase shuffle' in line for line in lines)


def test_every_run_says_where_it_comes_from_and_how_sure_it_is(tmp_path: Path, capsys) -> None:
    run_of(tmp_path / 'full', reproduces='nyu/ammnet-segformer', sc_iou=0.5, ssc_miou=0.4, seed=7,
           frames=652, missing=[1, 2], intervals={'sc_iou': [0.48, 0.52], 'ssc_miou': [0.3, 0.5]},
           commit='abc1234', machine='a GPU', date='2026-01-02')
    lines = lines_of(capsys, tmp_path)
    row = next(line for line in lines if line.startswith('AMMNet, SegFormer-B2 '))
    assert row.endswith('652 of 654')
    run = next(line for line in lines if line.startswith('full'))
    assert ' '.join(run.split()) == (
        'full nyu/ammnet-segformer 7 48.00 to 52.00 30.00 to 50.00 2 abc1234 2026-01-02 a GPU')


def test_rows_that_were_not_run_are_listed_once(tmp_path: Path, capsys) -> None:
    run_of(tmp_path / 'full', reproduces='nyu/ammnet-segformer', sc_iou=0.5, ssc_miou=0.4)
    lines = lines_of(capsys, tmp_path)
    start = next(place for place, line in enumerate(lines) if line.startswith('Not run'))
    named = [line.split()[0] for line in lines[start + 1:]]
    assert lines[start] == f'Not run: {len(named)} rows'
    assert 'modules/baseline' in named and 'nyu/ammnet-deeplab' in named
    assert not {'nyu/ammnet-segformer', 'modules/both', 'nyu/sscnet'} & set(named)


def test_class_figures_are_printed_on_request(tmp_path: Path, capsys) -> None:
    run_of(tmp_path / 'full', reproduces='nyu/ammnet-segformer', sc_iou=0.5, ssc_miou=0.4)
    published, measured = (
        line.split() for line in lines_of(capsys, tmp_path, classes=True)
        if line.startswith('AMMNet, SegFormer-B2') and ('published' in line or 'measured' in line)
        and ('90.50' in line or '80.00' in line))
    assert published[3:] == [
        '90.50', '82.10', '75.60', '48.50', '46.70', '94.20', '43.90', '30.60', '39.10', '60.30',
        '54.80', '35.70', '44.40', '48.20', '35.30']
    assert measured[3:] == ['80.00', '70.00', '50.00', '40.00', *['25.00'] * 11]


def test_rows_of_a_table_are_compared_on_the_same_frames(tmp_path: Path, capsys) -> None:
    for name, found in (('baseline', 40), ('full', 45)):
        counts = BenchmarkCounts(12)
        for frame in range(9):
            counts.add(frame, np.arange(100) < found + frame, sketch_region(
                np.ones(100), np.ones(100), np.full(100, 307200)))
        result = benchmark_result(
            counts, load_label_space('nyu12').names, experiment=name, split='test',
            reproduces=f'budget/{name}')
        write_result(tmp_path / name, result, counts)
    assert ('both (AMMNet), over Baseline, same frames: SC IoU +5.00 (+5.00 to +5.00), '
            'SSC mIoU +0.45 (+0.45 to +0.45)') in lines_of(capsys, tmp_path)
