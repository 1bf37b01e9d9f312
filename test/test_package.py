"""What an installation holds: files, versions and promises of the package as a whole."""

from __future__ import annotations

import ast
import re
import runpy
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import setuptools

import ssc_ros

SHARE = 'share/ssc_ros'


@pytest.fixture(scope='module')
def setup_arguments(root: Path) -> dict[str, Any]:
    """Return what setup.py tells setuptools, without building anything."""
    arguments: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(setuptools, 'setup', arguments.update)
        runpy.run_path('setup.py')
    return arguments


@pytest.fixture(scope='module')
def manifest(root: Path) -> ElementTree.Element:
    return ElementTree.parse(root / 'package.xml').getroot()


def test_all_files_name_one_version(setup_arguments, manifest):
    assert setup_arguments['version'] == manifest.findtext('version') == ssc_ros.__version__


def test_setup_and_manifest_agree_on_name_licence_and_build_type(
        setup_arguments, manifest, root):
    assert setup_arguments['name'] == manifest.findtext('name') == 'ssc_ros'
    assert setup_arguments['license'] == manifest.findtext('license') == 'Apache-2.0'
    assert manifest.get('format') == '3'
    assert manifest.findtext('export/build_type') == 'ament_python'
    assert 'Apache License' in (root / 'LICENSE').read_text()


def test_the_ament_index_finds_the_package(setup_arguments):
    files = dict(setup_arguments['data_files'])
    assert files['share/ament_index/resource_index/packages'] == ['resource/ssc_ros']
    assert files[SHARE] == ['package.xml']


@pytest.mark.parametrize('folder', ['launch', 'config', 'rviz', 'samples'])
def test_shared_files_are_installed_with_their_folders(setup_arguments, root, folder):
    installed = {Path(name) for target, names in setup_arguments['data_files'] for name in names
                 if target.startswith(f'{SHARE}/{folder}')}
    present = {path.relative_to(root) for path in (root / folder).rglob('*')
               if path.is_file() and '__pycache__' not in path.parts}
    assert installed == present != set()


def test_every_data_file_inside_the_package_is_installed(setup_arguments, root):
    known = set(setup_arguments['packages'])
    covered: set[Path] = set()
    for package, patterns in setup_arguments['package_data'].items():
        for pattern in patterns:
            covered |= set((root / package.replace('.', '/')).glob(pattern))
    needed = {path for path in (root / 'ssc_ros').rglob('*')
              if path.is_file() and path.suffix not in ('.py', '.pyc')}
    assert needed <= covered
    assert all(package in known for package in setup_arguments['package_data'])


def test_every_folder_with_code_is_a_package_and_no_others_are_installed(setup_arguments, root):
    folders = {path.parent.relative_to(root).as_posix().replace('/', '.')
               for path in (root / 'ssc_ros').rglob('*.py')}
    assert set(setup_arguments['packages']) == folders


def test_executables_land_where_ros2_run_looks(root):
    text = (root / 'setup.cfg').read_text()
    assert 'install_scripts = $base/lib/ssc_ros' in text
    assert 'executable = /usr/bin/env python3' in text


def test_every_imported_message_package_is_a_dependency(root, manifest):
    pattern = re.compile(
        r'^\s*(?:from|import) (\w+_(?:msgs|srvs|interfaces)|tf2_ros|launch\w*)\b', re.MULTILINE)
    named = re.compile(r"'(\w+_(?:msgs|srvs))/")
    wanted: set[str] = set()
    for path in (root / 'ssc_ros').rglob('*.py'):
        text = path.read_text(encoding='utf-8')
        wanted |= set(pattern.findall(text)) | set(named.findall(text))
    declared = {element.text for element in manifest.iter('exec_depend')}
    assert wanted <= declared


def test_torch_is_pinned_in_one_place_only(root, setup_arguments):
    assert re.search(r'^torch==', (root / 'constraints.txt').read_text(), re.MULTILINE)
    assert 'torch>=2.4' in setup_arguments['install_requires']


def test_the_readme_is_short_and_its_first_screen_holds_the_two_commands(root):
    lines = (root / 'README.md').read_text(encoding='utf-8').splitlines()
    first_screen = '\n'.join(lines[:40])
    assert len(lines) <= 200
    assert 'make demo' in first_screen
    assert 'make test' in first_screen


def test_relative_links_of_the_documents_lead_somewhere(root):
    broken = []
    for page in [root / 'README.md', *(root / 'docs').glob('*.md')]:
        for link in re.findall(r'\]\(([^)#]+)', page.read_text(encoding='utf-8')):
            if '://' not in link and not (page.parent / link).exists():
                broken.append(f'{page.name}: {link}')
    assert broken == []


def test_sources_parse_on_the_oldest_python(root):
    for path in (root / 'ssc_ros').rglob('*.py'):
        ast.parse(path.read_text(encoding='utf-8'), str(path), feature_version=(3, 10))
