"""
Runs tests under other distributions and Pythons, each in a light virtual environment of its own.

    .venv/bin/python test/environments/run.py                      # all
    .venv/bin/python test/environments/run.py jazzy python-3.12

`<name>.txt` beside this file pins what an environment gets. An interpreter that this machine
lacks is no failure: its environment is skipped, with the reason.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
NO_TESTS_COLLECTED = 5  # exit code of pytest

# What needs neither torch nor a running middleware.
PURE_TESTS = (
    '-m', 'not ros and not slow',
    'test/geometry', 'test/labels', 'test/messages', 'test/sync', 'test/test_frames.py',
    'test/nodes/test_parameters.py')
# Every kind of entity the nodes use: states, parameters, topics, services, QoS, clocks, processes.
ROS_TESTS = (
    'test/nodes/test_distribution.py', 'test/nodes/test_lifecycle_node.py',
    'test/nodes/test_node_parameters.py', 'test/nodes/test_live_parameters.py',
    'test/nodes/test_reference.py', 'test/nodes/test_watchdog_node.py',
    'test/nodes/test_rgbd_node.py', 'test/nodes/test_segmentation_node.py',
    'test/nodes/test_stereo_node.py', 'test/nodes/test_evaluator_node.py',
    'test/nodes/test_bag_recorder_node.py',
    'test/messages')


@dataclass(frozen=True, slots=True)
class Environment:
    """
    One combination of interpreter and packages.

    Attributes:
        python: interpreter, e.g. ``3.12``; empty = that of the main environment, whose packages
            it then sees behind its own, so that torch is not installed twice.
        arguments: of pytest.
    """

    name: str
    python: str
    arguments: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where it is built."""
        return ROOT / f'.venv-{self.name}'

    @property
    def requirements(self) -> Path:
        """The pins of its packages."""
        return FOLDER / f'{self.name}.txt'


ENVIRONMENTS = (
    Environment('jazzy', '', ('-m', 'ros and not slow', *ROS_TESTS)),
    Environment('python-3.10', '3.10', PURE_TESTS),
    Environment('python-3.12', '3.12', PURE_TESTS),
    Environment('python-3.13', '3.13', PURE_TESTS),
)


def find_interpreter(version: str) -> Path | None:
    """Return a working CPython of a version such as ``3.12`` from PATH, pyenv or uv."""
    for path in _candidates(version):
        answer = subprocess.run(
            [path, '-c', 'import sys, venv; print("%d.%d" % sys.version_info[:2])'],
            capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return path
    return None


def _candidates(version: str) -> Iterator[Path]:
    if version == '{}.{}'.format(*sys.version_info):
        yield Path(sys.executable)
    found = shutil.which(f'python{version}')
    if found:
        yield Path(found)
    pyenv = Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv'))
    yield from sorted(pyenv.glob(f'versions/{version}.*/bin/python'))
    yield from sorted(Path.home().glob(
        f'.local/share/uv/python/cpython-{version}.*/bin/python{version}'))


def build(environment: Environment, interpreter: Path) -> Path:
    """Create what is missing or outdated, and return the interpreter inside."""
    folder, stamp = environment.folder, environment.folder / '.installed'
    python = folder / 'bin' / 'python'
    pins = environment.requirements.read_text(encoding='utf-8')
    if stamp.is_file() and stamp.read_text(encoding='utf-8') == pins:
        return python
    print(f'{environment.name}: installing into {folder.name}', flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    _run([interpreter, '-m', 'venv', '--without-pip', folder])
    dependencies = () if environment.python else ('--no-deps',)
    _run([sys.executable, '-m', 'pip', '--python', python, 'install', '--quiet', *dependencies,
          '--requirement', environment.requirements])
    if not environment.python:
        _see_main_environment(folder)
    stamp.write_text(pins, encoding='utf-8')
    return python


def _see_main_environment(folder: Path) -> None:
    """
    Let the packages of this environment be found behind those of ``folder``.

    A plain path in a .pth file goes to the end of sys.path, and .pth files there are not read.
    """
    main = sysconfig.get_paths()
    inside = sysconfig.get_paths(vars={'base': str(folder), 'platbase': str(folder)})
    lines = dict.fromkeys([main['purelib'], main['platlib'], str(ROOT)])
    Path(inside['purelib'], 'zz_main_environment.pth').write_text(
        '\n'.join(lines) + '\n', encoding='utf-8')


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True, cwd=ROOT, env=clean_variables())


def clean_variables() -> dict[str, str]:
    """Return the variables of this process without what the ROS wheels of its Python set."""
    wheels = ('LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE')
    return {name: value for name, value in os.environ.items() if name not in wheels}


def run_tests(environment: Environment, arguments: Sequence[str]) -> str:
    """Run its tests; return what came out, in a word or two."""
    interpreter = find_interpreter(environment.python) if environment.python else Path(
        sys.executable)
    if interpreter is None:
        return f'skipped: there is no Python {environment.python} on PATH, in pyenv or uv'
    python = build(environment, interpreter)
    variables = {**clean_variables(), 'ROS_PYTHON_CHECK_FIELDS': '1',
                 'SSC_ROS_ENVIRONMENT': environment.name}
    print(f'{environment.name}: {_versions(python)}', flush=True)
    result = subprocess.run(
        [python, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', *environment.arguments,
         *arguments],
        check=False, cwd=ROOT, env=variables)
    if result.returncode == NO_TESTS_COLLECTED:
        return 'skipped: the arguments select no test'
    return 'passed' if result.returncode == 0 else f'failed: pytest ended with {result.returncode}'


def _versions(python: Path) -> str:
    code = ('import platform, numpy, cv2; '
            'print("Python", platform.python_version(), "NumPy", numpy.__version__, '
            '"OpenCV", cv2.__version__)')
    return subprocess.run(
        [python, '-c', code], check=True, capture_output=True, text=True,
        env=clean_variables()).stdout.strip()


def main() -> int:
    """Run the environments that are named; return 1 if one of them failed."""
    names = [environment.name for environment in ENVIRONMENTS]
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('names', nargs='*', metavar='NAME', help=f'of {", ".join(names)}')
    parser.add_argument(
        '--pytest', default='', metavar='ARGUMENTS', help='more arguments, e.g. "-k sync -x"')
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f'unknown: {", ".join(sorted(unknown))}; known: {", ".join(names)}')
    results = {
        environment.name: run_tests(environment, shlex.split(options.pytest))
        for environment in ENVIRONMENTS
        if not options.names or environment.name in options.names}
    for name, result in results.items():
        print(f'{name}: {result}')
    return int(any(result.startswith('failed') for result in results.values()))


if __name__ == '__main__':
    raise SystemExit(main())
