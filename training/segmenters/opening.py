"""Segmenters by name."""

from __future__ import annotations

from .colors import ColorSegmenter
from .segmenter import EstimatorSegmenter, Segmenter

COLORS = 'colors'


def open_segmenter(
    name: str, label_space: str, *, taxonomy: str | None = None, device: str = 'auto',
) -> Segmenter:
    """
    Return a segmenter.

    Args:
        name: `colors`, which reads classes off scans painted by class; a bundle of this package,
            e.g. `gad_small_nyu`; or, with a taxonomy, the hub id or folder of a transformers
            model.
        label_space: the classes wanted.
        taxonomy: of a transformers model's classes, e.g. `ade20k`.

    Raises:
        WeightsError: there are no such weights.
        ConfigurationError: there is no class map.
    """
    if taxonomy is not None:
        from .hub import HubSegmenter
        return HubSegmenter(name, taxonomy, label_space, device=device)
    if name == COLORS:
        return ColorSegmenter('nyu12', label_space)
    return EstimatorSegmenter(name, label_space, device=device)
