"""Nothing newer than Python 3.10 is used, and one module knows what distributions differ in."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

OLDEST = (3, 10)
FOLDERS = ('ssc_ros', 'training', 'launch', 'benchmarks', 'docs', 'test')

# Names of the standard library that 3.10 lacks, of those one might reach for.
NEWER_NAMES = frozenset({
    'ExceptionGroup', 'LiteralString', 'Never', 'NotRequired', 'Required', 'Self', 'StrEnum',
    'TaskGroup', 'TypeAliasType', 'TypeVarTuple', 'Unpack', 'assert_never', 'assert_type',
    'batched', 'dataclass_transform', 'file_digest', 'override', 'reveal_type', 'sumprod'})
NEWER_MODULES = frozenset({'tomllib', 'annotationlib', 'compression', 'wsgiref.types'})
STANDARD_SOURCES = frozenset({
    'asyncio', 'builtins', 'contextlib', 'dataclasses', 'datetime', 'enum', 'hashlib',
    'itertools', 'math', 'typing'})

COMPILE_ALL = """
import sys
for path in sys.stdin.read().splitlines():
    with open(path, encoding='utf-8') as file:
        compile(file.read(), path, 'exec')
"""

# Where distributions differ: the private, the experimental and the renamed parts of rclpy.
UNSTABLE = ('rclpy.impl', 'rclpy.experimental', 'rclpy.qos_event', 'rclpy.event_handler',
            'rclpy._rclpy_pybind11', 'rclpy.lifecycle', 'rclpy.executors')
DISTRIBUTIONS = ('humble', 'jazzy', 'kilted', 'lyrical', 'ros_distro')


@pytest.fixture(scope='module')
def environments(load_module):
    return load_module(Path(__file__).resolve().parent / 'environments' / 'run.py')


def sources(root: Path) -> list[Path]:
    files = [path for folder in FOLDERS for path in sorted((root / folder).rglob('*.py'))]
    assert len(files) > 100
    return [*files, root / 'setup.py']


def newer_names(tree: ast.AST) -> Iterator[str]:
    """Yield what of the standard library is used but came after 3.10."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in NEWER_MODULES)
        elif isinstance(node, ast.ImportFrom):
            if node.module in NEWER_MODULES:
                yield node.module
            if node.module in STANDARD_SOURCES:
                yield from (alias.name for alias in node.names
                            if alias.name in NEWER_NAMES | {'UTC', 'chdir', 'timeout'})
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (
                node.value.id in STANDARD_SOURCES and node.attr in NEWER_NAMES | {'UTC', 'chdir'}):
            yield f'{node.value.id}.{node.attr}'



@pytest.mark.parametrize('code', [
    'import tomllib', 'from enum import StrEnum', 'from typing import Self',
    'import datetime\ndatetime.UTC', 'import itertools\nitertools.batched([], 2)'])
def test_the_check_for_newer_names_finds_them(code):
    assert list(newer_names(ast.parse(code)))


def test_no_source_uses_syntax_or_names_newer_than_3_10(root):
    for path in sources(root):
        tree = ast.parse(path.read_text(encoding='utf-8'), str(path), feature_version=OLDEST)
        assert list(newer_names(tree)) == [], path


def test_ruff_checks_for_the_oldest_python(root):
    assert 'target-version = "py310"' in (root / 'pyproject.toml').read_text()


def test_every_source_compiles_under_the_oldest_python(root, environments):
    interpreter = environments.find_interpreter('{}.{}'.format(*OLDEST))
    if interpreter is None:
        pytest.skip('there is no Python 3.10 on PATH, in pyenv or uv')
    result = subprocess.run(
        [interpreter, '-c', COMPILE_ALL], input='\n'.join(map(str, sources(root))),
        capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr


def distribution_checks(tree: ast.AST) -> Iterator[str]:
    """Yield what of a module of the nodes depends on the distribution."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or '').startswith(UNSTABLE):
            yield f'line {node.lineno}: import from {node.module}'
        elif isinstance(node, ast.Import):
            yield from (f'line {node.lineno}: import {alias.name}' for alias in node.names
                        if alias.name.startswith(UNSTABLE))
        elif isinstance(node, ast.Try) and any(
                'rclpy' in ast.dump(statement) for statement in node.body
                if isinstance(statement, (ast.Import, ast.ImportFrom))):
            yield f'line {node.lineno}: an import of rclpy that may fail'
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and (
                node.func.id == 'hasattr'):
            yield f'line {node.lineno}: hasattr'
        elif isinstance(node, ast.Constant) and str(node.value).lower() in DISTRIBUTIONS:
            yield f'line {node.lineno}: {node.value}'


@pytest.mark.parametrize('code', [
    'from rclpy.impl import x', 'import rclpy.experimental.events_executor',
    'try:\n    from rclpy.qos import A\nexcept ImportError:\n    pass', 'hasattr(node, "x")',
    'import os\nos.environ["ROS_DISTRO"]', 'from rclpy.lifecycle import LifecycleNode'])
def test_the_check_for_distributions_finds_them(code):
    assert list(distribution_checks(ast.parse(code)))


def test_only_compat_knows_what_distributions_differ_in(root):
    found = {path.name: list(distribution_checks(ast.parse(path.read_text(encoding='utf-8'))))
             for path in (root / 'ssc_ros' / 'nodes').rglob('*.py') if path.name != 'compat.py'}
    assert {name: checks for name, checks in found.items() if checks} == {}


@pytest.mark.parametrize('name', ['jazzy', 'python-3.10', 'python-3.12', 'python-3.13'])
def test_every_package_of_an_environment_is_pinned(root, name):
    lines = (root / 'test' / 'environments' / f'{name}.txt').read_text().splitlines()
    pins = [line for line in lines if not line.startswith('#')]
    assert lines[0].startswith('# ') and pins and all('==' in line for line in pins)


def test_every_environment_names_tests_that_exist(root, environments):
    paths = [argument for item in environments.ENVIRONMENTS for argument in item.arguments
             if argument.startswith('test/')]
    assert [path for path in paths if not (root / path).exists()] == []
    assert {item.name for item in environments.ENVIRONMENTS} == {
        path.stem for path in (root / 'test/environments').glob('*.txt')}


def test_an_interpreter_that_is_not_there_skips_its_environment_with_the_reason(environments):
    absent = environments.Environment('python-3.99', '3.99', ())
    assert environments.find_interpreter('3.99') is None
    assert environments.run_tests(absent, ()).startswith('skipped: there is no Python 3.99')


def test_the_running_interpreter_is_found_by_its_version(environments):
    assert environments.find_interpreter('{}.{}'.format(*sys.version_info)) is not None


def test_another_environment_does_not_inherit_the_libraries_of_this_ones_wheels(
        environments, monkeypatch):
    monkeypatch.setenv('LD_LIBRARY_PATH', '/wheels/of/another/distribution')
    monkeypatch.setenv('_ROS_WHEELS_BOOTSTRAP_COMPLETE', '1')
    monkeypatch.setenv('KEPT', '1')
    variables = environments.clean_variables()
    assert variables['KEPT'] == '1'
    assert not {'LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE'} & set(variables)
