"""Tests of experiment files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.ammnet.config import AmmnetConfig
from training.experiment import load_experiment, parse_experiment


@pytest.fixture
def write(tmp_path: Path):
    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path
    return write_file


def listed(value):
    """Return nested values without tuples, as YAML keeps them."""
    if isinstance(value, dict):
        return {key: listed(entry) for key, entry in value.items()}
    return [listed(entry) for entry in value] if isinstance(value, tuple) else value


def test_every_shipped_experiment_loads(root: Path) -> None:
    files = sorted((root / 'training' / 'experiments').rglob('*.yaml'))
    assert files
    assert {load_experiment(file).name for file in files} == {file.stem for file in files}


def test_defaults_are_the_published_recipe(write) -> None:
    experiment = load_experiment(write('k3.yaml', 'network: {preset: k3}'))
    recipe = experiment.optimization
    assert (recipe.learning_rate, recipe.weight_decay, recipe.epochs) == (2e-4, 1e-4, 30)
    assert (recipe.schedule, recipe.decay, recipe.milestones) == ('multistep', 0.4, (0.6, 0.8))
    assert (recipe.gradient_clip, experiment.run.seed) == (35, 42)


def test_the_system_decides_how_sections_are_read(write) -> None:
    experiment = load_experiment(
        write('a.yaml', 'system: ammnet\nnetwork: {preset: ammnet}'), ['losses.adversarial=0'])
    assert isinstance(experiment.network, AmmnetConfig)
    recipe = experiment.optimization
    assert (recipe.learning_rate, recipe.weight_decay, recipe.epochs) == (1e-3, 0.05, 150)
    assert (experiment.losses.adversarial, experiment.losses.fakes) == (0, ('shuffle', 'erase'))
    assert experiment.run.seed == 8332
    plain = yaml.safe_load(yaml.safe_dump(listed(experiment.to_dict())))
    assert parse_experiment(plain) == experiment


def test_experiments_written_before_there_were_systems_are_of_occdepth(write) -> None:
    document = load_experiment(write('a.yaml', 'network: {preset: small}')).to_dict()
    del document['system']
    assert parse_experiment(document).system == 'occdepth'


def test_an_extending_file_changes_only_what_it_names(write) -> None:
    write('base.yaml', 'network: {preset: small}\ndata: {root: here, batch_size: 2}')
    derived = load_experiment(write(
        'derived.yaml', 'extends: base.yaml\nnetwork: {fusion: mean}\ndata: {batch_size: 4}'))
    assert (derived.name, derived.network.fusion) == ('derived', 'mean')
    assert (derived.data.root, derived.data.batch_size) == ('here', 4)
    assert derived.network.encoder == 'plain'


def test_overrides_reach_every_section(write) -> None:
    experiment = load_experiment(
        write('a.yaml', 'network: {preset: small}'),
        ['network.fusion=concat', 'optimization.learning_rate=1e-3', 'name=other',
         'losses.class_weights=[1, 2]', 'run.max_time=00:01:00:00'])
    assert (experiment.network.fusion, experiment.name) == ('concat', 'other')
    assert experiment.optimization.learning_rate == 1e-3
    assert experiment.losses.class_weights == (1, 2)
    assert experiment.run.max_time == '00:01:00:00'


def test_values_survive_yaml(write) -> None:
    experiment = load_experiment(write('a.yaml', 'network: {preset: small}'))
    plain = yaml.safe_load(yaml.safe_dump(experiment.to_dict()))
    assert parse_experiment(plain) == experiment


@pytest.mark.parametrize(('text', 'overrides', 'message'), [
    ('network: {preset: small}', ['optimization.lr=1'], r"unknown keys \['lr'\] in optimization"),
    ('network: {preset: small}\nnetwrok: {}', [], r"unknown keys \['netwrok'\]"),
    ('network: {preset: small, depth: 3}', [], 'unknown OccDepth configuration keys'),
    ('network: {preset: huge}', [], "unknown OccDepth configuration 'huge'"),
    ('network: {preset: small}', ['optimization.learning_rate=fast'], 'could not convert'),
    ('network: {preset: small}', ['restart'], 'must read section.key=value'),
    ('network: {preset: small}', ['data.reader=kitti'], r"data.reader is 'kitti': choose from"),
    ('network: {preset: small}\nsystem: other', [], "unknown system 'other'"),
    ('network: {preset: k3}\nsystem: ammnet', [], "unknown AMMNet configuration 'k3'"),
    ('network: {preset: small}\nsystem: ammnet', ['losses.fakes=[swap]'], 'losses.fakes has'),
    ('name: nothing', [], 'needs a network section'),
])
def test_mistakes_are_named(write, text: str, overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_experiment(write('a.yaml', text), overrides)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r'nowhere\.yaml does not exist'):
        load_experiment('nowhere.yaml')


def test_every_published_row_has_the_experiment_that_its_configuration_asks_for(
    root: Path,
) -> None:
    files = (root / 'training' / 'experiments' / 'ammnet').glob('*.yaml')
    experiments = {each.reproduces: each for each in map(load_experiment, files)}
    tables = yaml.safe_load((root / 'training' / 'tables' / 'ammnet.yaml').read_text())
    rows = {row['id']: row['configuration'] for table in tables for row in table['rows']
            if row['configuration'] and 'same_as' not in row
            and 'rule' not in row['configuration']}
    assert set(experiments) == set(rows)
    encoders = {'segformer_b2': 'segformer-b2', 'resnet50': 'resnet50',
                'deeplab_labels': 'labels', 'efficientnet_lite0': 'lite0'}
    for row, switches in rows.items():
        experiment = experiments[row]
        if 'encoder' in switches:
            assert experiment.network.encoder == encoders[switches['encoder']], row
        if 'modulation' in switches:
            assert list(experiment.network.fusion_sites) == switches['modulation'], row
        if 'fakes' in switches:
            assert bool(experiment.losses.adversarial) == (switches['fakes'] is not None), row
            fakes = switches['fakes'] or []
            assert not fakes or set(experiment.losses.fakes) == set(fakes), row
        assert (experiment.data.depth_source == 'cad') == row.startswith('nyucad/'), row
