"""Random changes of samples, the voxel-to-pixel mapping moving with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ssc_ros.models.ammnet.augmentation import Augmentation3D

from .conventions import GRID_SHAPE, IMAGE_SIZE, NO_PIXEL, NO_VOXEL, NUM_VOXELS
from .sample import NyuSample

Photometric = Literal['uint8', 'official', 'none']
SCALES = (0.8, 1.2)
MAX_BRIGHTNESS = 32.0
FACTORS = (0.5, 1.5)
MAX_HUE = 18
# Padding of colour images turns into 0 when the ImageNet mean is subtracted.
PADDING_RGB = (124, 116, 104)


def augment_volumes(sample: NyuSample, augmentation: Augmentation3D) -> NyuSample:
    """
    Flip and turn TSDF, labels, weights and mapping together (Dourado et al., 2022).

    A voxel keeps its pixel. Camera pose and measured depth no longer fit and become None.
    """
    def moved(volume: NDArray[Any]) -> NDArray[Any]:
        tensor = torch.from_numpy(np.ascontiguousarray(volume)).reshape(GRID_SHAPE)
        result: NDArray[Any] = augmentation.apply(tensor).contiguous().numpy()
        return result
    return replace(
        sample, tsdf=moved(sample.tsdf), labels=moved(sample.labels),
        label_weight=moved(sample.label_weight),
        pixel_of_voxel=moved(sample.pixel_of_voxel).ravel(), placement=None, depth_m=None)


@dataclass(frozen=True, slots=True)
class ImageChange:
    """
    Resize, crop, mirror, and pad back to the size of the image.

    Attributes:
        height, width: size after resizing.
        top, left: first row and column kept where the resized image is larger.
        mirrors: exchange left and right, before padding at the right and bottom.
    """

    height: int = IMAGE_SIZE[0]
    width: int = IMAGE_SIZE[1]
    top: int = 0
    left: int = 0
    mirrors: bool = False

    @classmethod
    def draw(cls, rng: np.random.Generator) -> ImageChange:
        """Resize by 0.8 to 1.2 with probability 0.5, crop anywhere, mirror with 0.5 (AMMNet)."""
        scale = rng.uniform(*SCALES) if rng.random() < 0.5 else 1.0
        height, width = int(IMAGE_SIZE[0] * scale), int(IMAGE_SIZE[1] * scale)
        top = int(rng.integers(0, max(0, height - IMAGE_SIZE[0]) + 1))
        left = int(rng.integers(0, max(0, width - IMAGE_SIZE[1]) + 1))
        return cls(height, width, top, left, bool(rng.random() < 0.5))

    def image(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Change a colour image, interpolating bilinearly."""
        if (self.height, self.width) != rgb.shape[:2]:
            resized = cv2.resize(rgb, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
            return self._framed(resized, PADDING_RGB)
        return self._framed(rgb, PADDING_RGB)

    def ids(self, ids: NDArray[Any], padding: int) -> NDArray[Any]:
        """Change an image of ids, taking the pixel at the rounded-down place."""
        rows, columns = (
            np.arange(new) * old // new
            for new, old in zip((self.height, self.width), ids.shape, strict=True))
        return self._framed(ids[np.ix_(rows, columns)], padding)

    def mapping(self, pixel_of_voxel: NDArray[np.int64]) -> NDArray[np.int64]:
        """Move the pixels of voxels; of several copies of a pixel the last stays."""
        return pixels_of_voxels(self.ids(voxels_of_pixels(pixel_of_voxel), NO_VOXEL))

    def _framed(self, image: NDArray[Any], padding: Any) -> NDArray[Any]:
        height, width = IMAGE_SIZE
        image = image[self.top:self.top + height, self.left:self.left + width]
        if self.mirrors:
            image = image[:, ::-1]
        result: NDArray[Any] = np.empty((*IMAGE_SIZE, *image.shape[2:]), image.dtype)
        result[:] = padding
        result[:image.shape[0], :image.shape[1]] = image
        return result


def augment_images(
    sample: NyuSample, rng: np.random.Generator, *, photometric: Photometric = 'uint8',
) -> NyuSample:
    """
    Resize, crop, mirror and recolour the images; the mapping follows, volumes stay (AMMNet).

    Only the inputs of a network may use the new mapping: scores count by the original one. Camera
    pose and measured depth no longer fit and become None.

    Args:
        photometric: colour changes in 8-bit HSV; as the authors' release computes them; or none.
    """
    change = ImageChange.draw(rng)
    rgb = sample.rgb
    if rgb is not None:
        rgb = distort_colors(change.image(rgb), rng, photometric)
    return replace(
        sample, rgb=rgb, pixel_of_voxel=change.mapping(sample.pixel_of_voxel),
        label_map13=_changed(sample.label_map13, change),
        label_map40=_changed(sample.label_map40, change), placement=None, depth_m=None)


def _changed(label_map: NDArray[np.uint8] | None, change: ImageChange) -> Any:
    return None if label_map is None else change.ids(label_map, 0)


def voxels_of_pixels(pixel_of_voxel: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the (480, 640) flat voxel of every pixel, -1 where it has none."""
    voxels = np.flatnonzero(pixel_of_voxel != NO_PIXEL)
    result = np.full(NO_PIXEL, NO_VOXEL, np.int64)
    result[pixel_of_voxel[voxels]] = voxels
    return result.reshape(IMAGE_SIZE)


def pixels_of_voxels(voxel_of_pixel: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the (129600,) last pixel of every voxel, 307200 where it has none."""
    flat = voxel_of_pixel.ravel()
    pixels = np.flatnonzero(flat != NO_VOXEL)
    result = np.full(NUM_VOXELS, NO_PIXEL, np.int64)
    result[flat[pixels]] = pixels  # ascending, so that the last stays
    return result


def distort_colors(
    rgb: NDArray[np.uint8], rng: np.random.Generator, photometric: Photometric = 'uint8',
) -> NDArray[np.uint8]:
    """
    Change brightness, contrast, saturation and hue, each with probability 0.5.

    The authors' release starts from float images, which only brightness and contrast turn into
    8 bits. Where neither came first, OpenCV's float HSV has saturations of 0 to 1 and hues of 0
    to 360, and the 8-bit arithmetic grays the image or folds its hues: `official` keeps that.
    """
    if photometric == 'none':
        return rgb
    image: NDArray[Any] = rgb.astype(np.float32) if photometric == 'official' else rgb
    if rng.random() < 0.5:
        image = _scaled(image, 1.0, rng.uniform(-MAX_BRIGHTNESS, MAX_BRIGHTNESS))
    steps: list[Callable[..., NDArray[Any]]] = [_saturation, _hue]
    steps.insert(0 if rng.random() < 0.5 else len(steps), _contrast)
    for step in steps:
        if rng.random() < 0.5:
            image = step(image, rng)
    result: NDArray[np.uint8] = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
    return result


def _scaled(image: NDArray[Any], factor: float, offset: float = 0.0) -> NDArray[np.uint8]:
    changed = image.astype(np.float32) * np.float32(factor) + np.float32(offset)
    result: NDArray[np.uint8] = np.clip(changed, 0, 255).astype(np.uint8)
    return result


def _contrast(image: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    return _scaled(image, rng.uniform(*FACTORS))


def _saturation(image: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = _scaled(hsv[..., 1], rng.uniform(*FACTORS))
    result: NDArray[Any] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return result


def _hue(image: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int64) + rng.integers(-MAX_HUE, MAX_HUE)) % 180
    result: NDArray[Any] = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return result
