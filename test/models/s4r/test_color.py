"""Colours, checked against those of OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from ssc_ros.models.s4r.color import lab_to_rgb, rgb_to_lab


def all_colors() -> np.ndarray:
    """Return (27, 3) float32 RGB, black and white included."""
    return np.stack(np.meshgrid(*[[0, 0.03, 1]] * 3), axis=-1).reshape(-1, 3).astype(np.float32)


def test_lab_is_that_of_opencv_brought_to_the_unit_interval():
    rgb = np.vstack([all_colors(), np.random.default_rng(0).random((50, 3), np.float32)])
    expected = cv2.cvtColor(rgb[None], cv2.COLOR_RGB2Lab)[0]
    ours = rgb_to_lab(torch.from_numpy(rgb.T[None])).numpy()[0].T
    np.testing.assert_allclose(
        ours * [100, 200, 200] - [0, 100, 100], expected, atol=0.3)


def test_colors_survive_the_way_to_lab_and_back():
    rgb = torch.from_numpy(np.vstack([all_colors(), np.random.default_rng(1).random(
        (200, 3), np.float32)]).T[None].copy())
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=2e-4, rtol=0)


def test_gradients_are_finite_everywhere():
    rgb = torch.from_numpy(all_colors().T[None].copy()).requires_grad_()
    rgb_to_lab(rgb).sum().backward()
    assert rgb.grad is not None
    assert rgb.grad.isfinite().all()
