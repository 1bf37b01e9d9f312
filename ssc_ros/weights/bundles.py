"""
A weights bundle is a folder: config.json, model.safetensors and README.md, the model card.

config.json holds ``format_version``, ``model`` (which code runs it), ``label_space``,
``weights_sha256`` and ``config``, the network's own configuration.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssc_ros.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

CONFIG_FILE = 'config.json'
WEIGHTS_FILE = 'model.safetensors'
CARD_FILE = 'README.md'
FORMAT_VERSION = 1
SHIPPED_FOLDER = Path(__file__).parent / 'shipped'
_REQUIRED_KEYS = ('format_version', 'model', 'label_space', 'weights_sha256', 'config')


def list_bundles() -> tuple[str, ...]:
    """Return the names of the bundles that ship with the package."""
    return tuple(sorted(path.parent.name for path in SHIPPED_FOLDER.glob(f'*/{CONFIG_FILE}')))


def find_bundle(name_or_path: str | Path) -> Path:
    """
    Return the folder of a shipped bundle, by name, or of any bundle, by path.

    Raises:
        WeightsError: no such bundle, or config.json or model.safetensors is missing in it.
    """
    shipped = SHIPPED_FOLDER / name_or_path
    folder = shipped if shipped.parent == SHIPPED_FOLDER and shipped.is_dir() else (
        Path(name_or_path).expanduser())
    if not folder.is_dir():
        known = ', '.join(list_bundles()) or 'none in this installation'
        raise WeightsError(
            f'weights {str(name_or_path)!r} are neither a shipped bundle ({known}) nor a folder: '
            f'give one of these names, or the path of a folder with {CONFIG_FILE}')
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise WeightsError(
                f'{folder / name} is missing: a bundle needs {CONFIG_FILE} and {WEIGHTS_FILE}, '
                'copy the whole folder again')
    return folder


def read_bundle_config(folder: Path) -> dict[str, Any]:
    """
    Return config.json of a bundle.

    Raises:
        WeightsError: unreadable, a key is missing, or written by a later format version.
    """
    path = folder / CONFIG_FILE
    try:
        document = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f'{path} cannot be read ({error}): copy the bundle again') from error
    if not isinstance(document, dict):
        raise WeightsError(f'{path} holds no JSON object: copy the bundle again')
    missing = [key for key in _REQUIRED_KEYS if key not in document]
    if missing:
        raise WeightsError(
            f'{path} lacks {", ".join(missing)}: it was not written by save_bundle() or is cut '
            'short, copy or convert the bundle again')
    if document['format_version'] != FORMAT_VERSION:
        raise WeightsError(
            f'{path} has format version {document["format_version"]}, this package reads '
            f'{FORMAT_VERSION}: install the ssc_ros release that wrote it')
    return document


def read_card(folder: Path) -> str:
    """Return the model card, empty where the bundle has none."""
    path = folder / CARD_FILE
    return path.read_text(encoding='utf-8') if path.is_file() else ''


def verify(folder: Path) -> None:
    """
    Check that the weights are the ones the configuration was written with.

    Raises:
        WeightsError: the bundle is incomplete, or model.safetensors differs from its checksum.
    """
    expected = read_bundle_config(find_bundle(folder))['weights_sha256']
    found = _sha256(folder / WEIGHTS_FILE)
    if found != expected:
        raise WeightsError(
            f'{folder / WEIGHTS_FILE} is corrupt or of another bundle: its SHA-256 is '
            f'{found[:16]}..., {CONFIG_FILE} says {str(expected)[:16]}...; copy the bundle again '
            '(a Git LFS pointer instead of the file looks like this, too: run git lfs pull)')


def load_state(folder: Path) -> dict[str, Tensor]:
    """
    Return the verified tensors of a bundle by name, on the CPU; half precision becomes float32.

    Raises:
        WeightsError: the bundle is incomplete or corrupt, or safetensors is not installed.
    """
    verify(folder)
    state = read_safetensors(folder / WEIGHTS_FILE)
    return {name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in state.items()}


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """
    Return the tensors of a file by name, on the CPU.

    Raises:
        WeightsError: missing or no safetensors file, or safetensors is not installed.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise WeightsError(
            f'weights need safetensors and torch ({error}): pip install safetensors torch'
        ) from error
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f'{path} is no safetensors file ({error}): copy it again') from error


def save_bundle(
    folder: Path, config: Mapping[str, Any], state: Mapping[str, Tensor], card: str, *,
    model: str = 'occdepth', half_precision: bool = True,
) -> None:
    """
    Write a bundle; an existing one stays until the new one is complete.

    Args:
        folder: where the bundle shall be; only an older bundle is replaced.
        config: the network's configuration, JSON-ready, with its ``label_space``.
        state: ``state_dict()`` of the network.
        card: Markdown text of the model card.
        model: name of the network's code, e.g. ``occdepth``.
        half_precision: store floating tensors in float16, except where a value would overflow.

    Raises:
        WeightsError: ``folder`` exists and is not a bundle.
    """
    from safetensors.torch import save_file

    if folder.exists() and not (folder / CONFIG_FILE).is_file():
        raise WeightsError(f'{folder} exists and is no bundle: choose another folder')
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f'.{folder.name}.', dir=folder.parent))
    try:
        save_file({name: _stored(tensor, half_precision) for name, tensor in state.items()},
                  partial / WEIGHTS_FILE)
        document = {
            'format_version': FORMAT_VERSION, 'model': model,
            'label_space': config['label_space'],
            'weights_sha256': _sha256(partial / WEIGHTS_FILE), 'config': dict(config)}
        (partial / CARD_FILE).write_text(card, encoding='utf-8')
        (partial / CONFIG_FILE).write_text(json.dumps(document, indent=2) + '\n', encoding='utf-8')
        for path in (partial, *partial.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)
        _replace_folder(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _stored(tensor: Tensor, half_precision: bool) -> Tensor:
    import torch

    kept = tensor.detach().cpu().contiguous().clone()  # safetensors refuses shared memory
    if not (half_precision and kept.is_floating_point()):
        return kept
    halved = kept.to(torch.float16)
    return halved if bool(torch.isfinite(halved).all()) else kept


def _replace_folder(new: Path, folder: Path) -> None:
    """Put ``new`` in the place of ``folder``; a reader sees the old or the new one."""
    retired = new.with_name(f'{new.name}.old')
    if folder.exists():
        folder.rename(retired)
    new.replace(folder)
    shutil.rmtree(retired, ignore_errors=True)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
