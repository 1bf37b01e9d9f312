"""Random materials by kind, and the class ids the furniture makers write."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np

from ssc_ros.labels import load_label_space

from .solids import Color, Material

_IDS = {name: index for index, name in enumerate(load_label_space('nyu12').names)}
CEILING, FLOOR, WALL, WINDOW = (_IDS[n] for n in ('ceiling', 'floor', 'wall', 'window'))
CHAIR, BED, SOFA, TABLE = (_IDS[n] for n in ('chair', 'bed', 'sofa', 'table'))
TVS, FURN, OBJS = (_IDS[n] for n in ('tvs', 'furn', 'objs'))


def _hsv(hue: float, saturation: float, value: float) -> Color:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, min(saturation, 1.0), min(value, 1.0))
    return (red ** 2.2, green ** 2.2, blue ** 2.2)  # materials hold linear light


class Palette:
    """Draws materials from one random generator, so that a room is a function of its seed."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        # Some rooms are full of texture, others nearly as plain as real ones.
        self._texture = float(rng.uniform(0.35, 1.0))

    def _make(self, pattern: str, base: tuple[float, float, float], contrast: float,
              period_m: float, detail: float) -> Material:
        hue, saturation, value = base
        rng = self._rng
        dark = _hsv(hue, saturation * 1.1, value * (1 - contrast))
        light = _hsv(hue + rng.normal(0, 0.015), saturation * 0.85, value * (1 + 0.3 * contrast))
        offset = (float(rng.random()), float(rng.random()))
        return Material(pattern, dark, light, period_m, detail * self._texture, 0.0, offset)

    def wood(self) -> Material:
        """Return pale birch to dark walnut."""
        rng = self._rng
        base = (rng.uniform(0.05, 0.1), rng.uniform(0.3, 0.65), rng.uniform(0.3, 0.85))
        return self._make('wood', base, rng.uniform(0.35, 0.6), rng.uniform(0.4, 0.9), 0.22)

    def painted(self) -> Material:
        """Return painted board or metal: white, grey to black, or coloured."""
        rng = self._rng
        kind = rng.random()
        saturation = rng.uniform(0, 0.12) if kind < 0.7 else rng.uniform(0.2, 0.7)
        value = rng.uniform(0.75, 0.95) if kind < 0.5 else rng.uniform(0.12, 0.75)
        pattern = str(rng.choice(['plaster', 'speckle', 'wood']))
        return self._make(pattern, (rng.random(), saturation, value), rng.uniform(0.2, 0.4),
                          rng.uniform(0.3, 0.8), 0.25)

    def board(self) -> Material:
        """Return what cabinets and tables are made of."""
        return self.wood() if self._rng.random() < 0.62 else self.painted()

    def fabric(self) -> Material:
        """Return upholstery, bedding or leather."""
        rng = self._rng
        pattern = str(rng.choice(['weave', 'weave', 'stripes', 'checks', 'dots', 'blotches',
                                  'leather', 'carpet']))
        base = (rng.random(), 0.03 + 0.75 * rng.beta(1.3, 2.0), rng.uniform(0.2, 0.9))
        return self._make(pattern, base, rng.uniform(0.3, 0.6), rng.uniform(0.25, 0.7), 0.25)

    def floor(self) -> Material:
        """Return planks, tiles, carpet or marble."""
        rng = self._rng
        pattern = str(rng.choice(['planks', 'planks', 'planks', 'tiles', 'carpet', 'marble']))
        if pattern == 'planks':
            base = (rng.uniform(0.05, 0.1), rng.uniform(0.25, 0.6), rng.uniform(0.35, 0.8))
            return self._make(pattern, base, 0.5, rng.uniform(1.0, 1.6), 0.22)
        base = (rng.random(), rng.uniform(0.02, 0.3), rng.uniform(0.35, 0.85))
        return self._make(pattern, base, 0.45, rng.uniform(0.9, 1.8), 0.3)

    def wall(self) -> Material:
        """Return plaster, wallpaper or brick."""
        rng = self._rng
        pattern = str(rng.choice(['plaster'] * 5 + ['speckle', 'stripes', 'bricks', 'blotches']))
        base = (rng.random(), 0.02 + 0.4 * rng.beta(1.0, 2.5), rng.uniform(0.6, 0.97))
        contrast = rng.uniform(0.18, 0.32) if pattern == 'plaster' else rng.uniform(0.12, 0.25)
        return self._make(pattern, base, contrast, rng.uniform(0.7, 1.5), 0.22)

    def ceiling(self) -> Material:
        """Return white-ish plaster."""
        rng = self._rng
        base = (rng.uniform(0.08, 0.16), rng.uniform(0, 0.1), rng.uniform(0.82, 0.98))
        return self._make('plaster', base, rng.uniform(0.12, 0.25), rng.uniform(0.8, 1.6), 0.15)

    def metal(self) -> Material:
        """Return dark or bright metal for legs and frames."""
        rng = self._rng
        value = rng.choice([rng.uniform(0.1, 0.25), rng.uniform(0.5, 0.75)])
        return self._make('speckle', (0.6, 0.05, float(value)), 0.3, 0.3, 0.3)

    def black(self) -> Material:
        """Return the bezel of a screen."""
        return self._make('speckle', (0.6, 0.08, self._rng.uniform(0.08, 0.18)), 0.3, 0.25, 0.4)

    def screen(self) -> Material:
        """Return a screen: off (dark, faint reflections) or showing something."""
        rng = self._rng
        pattern = str(rng.choice(['picture', 'picture2', 'picture3']))
        off = rng.random() < 0.55
        base = (rng.random(), 0.15 if off else 0.6, 0.16 if off else rng.uniform(0.5, 0.9))
        material = self._make(pattern, base, 0.6, rng.uniform(0.5, 0.9), 0.3)
        return material if off else replace(material, glow=float(rng.uniform(0.3, 0.8)))

    def picture(self) -> Material:
        """Return a poster or a painting."""
        rng = self._rng
        pattern = str(rng.choice(['picture', 'picture2', 'picture3', 'blotches', 'text']))
        material = self._make(pattern, (rng.random(), 0.6, 0.7), 0.7, rng.uniform(0.4, 0.9), 0.15)
        return replace(material, color_b=_hsv(rng.random(), rng.uniform(0.1, 0.8), 0.85))

    def outside(self) -> Material:
        """Return the bright view through a window."""
        rng = self._rng
        pattern = str(rng.choice(['picture', 'picture2', 'picture3', 'blotches']))
        day = rng.random() < 0.8
        value = rng.uniform(0.75, 1.0) if day else rng.uniform(0.12, 0.3)
        base = (rng.uniform(0.5, 0.62), rng.uniform(0.05, 0.3), value)
        glow = rng.uniform(0.6, 1.3) if day else 0.15
        return replace(self._make(pattern, base, 0.55, rng.uniform(0.8, 1.6), 0.12),
                       glow=float(glow))

    def leaves(self) -> Material:
        """Return foliage."""
        rng = self._rng
        base = (rng.uniform(0.22, 0.38), rng.uniform(0.4, 0.8), rng.uniform(0.25, 0.6))
        return self._make('blotches', base, 0.7, rng.uniform(0.2, 0.4), 0.4)

    def bright(self) -> Material:
        """Return the strong colours of small things: books, toys, boxes, cups."""
        rng = self._rng
        pattern = str(rng.choice(['text', 'speckle', 'dots', 'stripes', 'plaster', 'picture']))
        base = (rng.random(), rng.uniform(0.2, 0.85), rng.uniform(0.3, 0.95))
        return self._make(pattern, base, rng.uniform(0.3, 0.6), rng.uniform(0.15, 0.4), 0.25)

    def shade(self) -> Material:
        """Return a lamp shade, lit half of the time."""
        rng = self._rng
        base = (rng.uniform(0.08, 0.13), rng.uniform(0.1, 0.4), rng.uniform(0.75, 0.95))
        material = self._make('weave', base, 0.25, 0.3, 0.15)
        return replace(material, glow=float(rng.uniform(0.4, 1.0))) if rng.random() < 0.5 else \
            material
