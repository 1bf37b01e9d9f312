"""Load a network so that it can run: within the memory there is, and warm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ssc_ros.errors import ConfigurationError, WeightsError
from ssc_ros.memory import free_cached_memory, is_out_of_memory
from ssc_ros.nodes.memory_plan import SPARE_BYTES, MemoryPlan, megabytes
from ssc_ros.nodes.memory_probe import FreeBytes, Probe, free_bytes, held_bytes
from ssc_ros.nodes.settings import ModelParameters
from ssc_ros.weights import find_bundle
from ssc_ros.weights.bundles import WEIGHTS_FILE


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A network that can take its first frame, and what it needs."""

    estimator: Any
    plan: MemoryPlan


def load_model(
    load: Callable[..., Any], model: ModelParameters, *, free: FreeBytes = free_bytes,
) -> LoadedModel:
    """
    Load a network and, where ``model.warm_up`` says so, run it on an empty frame.

    Args:
        load: see ``models.estimator.load_estimator``.
        free: tells the free memory of a device.

    Raises:
        WeightsError: the weights cannot be used.
        ConfigurationError: the parameters are impossible, or the memory does not suffice.
    """
    _check_stored(model.weights, free('cpu'))
    try:
        estimator = load(
            model.weights, device=model.device, precision=model.precision, backend=model.backend)
        loaded = MemoryPlan(estimator.device, held_bytes(estimator))
        now = free(estimator.device)
        before = None if now is None else now + loaded.weights
        plan = _warmed_up(estimator, loaded, before, free) if model.warm_up else MemoryPlan(
            loaded.device, loaded.weights, free=before)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        free_cached_memory()
        raise ConfigurationError(
            f'the memory does not suffice for {model.weights} on device {model.device} '
            f'({megabytes(free("cpu") or 0)} of main memory are free; {_first_line(error)}): take '
            'smaller weights, a smaller map or another device, or end other programs') from error
    plan.check()
    return LoadedModel(estimator, plan)


def _warmed_up(
    estimator: Any, loaded: MemoryPlan, free_before: int | None, free: FreeBytes,
) -> MemoryPlan:
    probe = Probe(loaded.device, free)
    with probe.watching():
        estimate = estimator.warm_up()
    tables = max(held_bytes(estimator) - loaded.weights, 0)
    return MemoryPlan(
        loaded.device, loaded.weights, tables, held_bytes(estimate), probe.growth, probe.largest,
        free_before)


def _check_stored(weights: str, free: int | None) -> None:
    """Refuse a file that is larger than the memory before it is read."""
    try:
        stored = (find_bundle(weights) / WEIGHTS_FILE).stat().st_size
    except (OSError, WeightsError):
        return  # no bundle, or none that can be loaded, which is for the loader to say
    if free is not None and stored + SPARE_BYTES > free:
        raise ConfigurationError(
            f'the weights {weights} take {megabytes(stored)} but only {megabytes(free)} of memory '
            f'are free, of which {megabytes(SPARE_BYTES)} must stay so: take smaller ones, or end '
            'other programs')


def _first_line(error: Exception) -> str:
    return (str(error) or repr(error)).splitlines()[0]
