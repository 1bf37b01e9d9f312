"""Scenes painted by class, so that colour alone tells what things are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ssc_ros.labels import LabelSpace
from training.datasets.synthetic.solids import Color, Solid
from training.segmenters.colors import class_color, class_hues

_GAMMA = 2.2


def painted_by_class(
    solids: Sequence[Solid], space: LabelSpace, rng: np.random.Generator,
) -> list[Solid]:
    """
    Return the solids in the colours of their classes, patterns kept.

    Saturation and brightness differ from solid to solid, the hue does not. Models keep their
    textures: paint procedural rooms.
    """
    hues = class_hues(space)
    result = list[Solid]()
    for solid in solids:
        saturation, value = float(rng.uniform(0.65, 0.9)), float(rng.uniform(0.55, 0.9))
        dark, light = (_linear(class_color(hues[solid.label], saturation, value * share))
                       for share in (0.8, 1.0))
        material = replace(solid.material, color_a=dark, color_b=light)
        result.append(replace(solid, material=material))
    return result


def _linear(color: tuple[float, float, float]) -> Color:
    red, green, blue = (float(channel) ** _GAMMA for channel in color)
    return red, green, blue
