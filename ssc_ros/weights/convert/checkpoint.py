"""Tensors of a pickled checkpoint, without running anything that it contains."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssc_ros.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor


STATE_KEYS = ('state_dict', 'model', 'network', 'net')  # Lightning; AMMNet and others


class _Inert:
    """Stands in for every class and function that a checkpoint names beyond tensors."""

    def __new__(cls, *_: Any, **__: Any) -> Any:
        # The one type that torch's unpickler lets a file fill with both items and a state.
        return OrderedDict()


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """
    Return the tensors of the network in a checkpoint: below one of ``STATE_KEYS``, or bare.

    The file is read by torch's weights-only unpickler. Foreign classes that it names, such as
    an omegaconf configuration among the hyper-parameters, become inert placeholders: none of
    their code is imported or run.

    Raises:
        WeightsError: no such file, not a checkpoint (before torch 1.6: one with foreign
            classes), or no tensors in it.
    """
    import torch

    if not path.is_file():
        raise WeightsError(f'{path} does not exist: give the path of the official checkpoint')
    try:
        with torch.serialization.safe_globals(_placeholders(path)), warnings.catch_warnings():
            # About pickle protocols; what cannot be read is refused below.
            warnings.simplefilter('ignore', UserWarning)
            document = torch.load(path, map_location='cpu', weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError, AttributeError,
            pickle.UnpicklingError) as error:
        raise WeightsError(
            f'{path} cannot be read as weights only ({error}): it is truncated, no checkpoint, '
            'or holds more than tensors and settings; download it again') from error
    state = next((document[key] for key in STATE_KEYS if isinstance(document.get(key), dict)),
                 document) if isinstance(document, dict) else None
    tensors = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)
               } if isinstance(state, dict) else {}
    if not tensors:
        raise WeightsError(f'{path} holds no state_dict with tensors: is it the right file?')
    return tensors


def _placeholders(path: Path) -> list[Any]:
    """Return an inert stand-in for everything foreign that the checkpoint names."""
    import torch

    if not zipfile.is_zipfile(path):
        return []  # torch can list the names in its format since 1.6 only
    foreign = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    return [(_Inert, name) for name in foreign]
