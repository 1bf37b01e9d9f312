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
    ('network: {preset: small}\nsystem: gad', [], "unknown system 'gad'"),
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
