"""Everything segmentation_node sends of one image."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.frames import ImageEstimate, RgbFrame
from ssc_ros.labels import IGNORE_ID
from ssc_ros.messages.depth import encode_depth
from ssc_ros.messages.headers import make_header
from ssc_ros.messages.images import encode_image
from ssc_ros.messages.label_images import (
    encode_label_color,
    encode_label_image,
    label_overlay,
)
from ssc_ros.messages.voxels import image_cloud
from ssc_ros.nodes.outputs import NAV_MAX_AGE_S, Encoders, Output, encode_grey
from ssc_ros.nodes.settings import DepthParameters, LabelParameters


class LabelledImage:
    """One image with what is needed to encode it; everything is computed at first use."""

    def __init__(
        self, frame: RgbFrame, estimate: ImageEstimate, labels: LabelParameters,
        depth: DepthParameters,
    ) -> None:
        self.frame = frame
        self.estimate = estimate
        self.label_parameters = labels
        self.depth_parameters = depth

    @cached_property
    def header(self) -> Any:
        """std_msgs/Header with the stamp of the image and the optical frame."""
        return make_header(self.estimate.stamp_ns, self.estimate.frame_id)

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """(H, W) class ids, 255 where there is none of sufficient confidence."""
        estimate = self.estimate
        is_kept = estimate.confidence >= self.label_parameters.min_confidence
        return np.where(is_kept, estimate.image_labels, np.uint8(IGNORE_ID))

    @cached_property
    def points(self) -> NDArray[Any] | None:
        """(H, W) SEMANTIC_POINT of labelled pixels within range; None where no depth is known."""
        estimate, limits = self.estimate, self.depth_parameters
        is_measured = self.frame.depth_m is not None
        depth_m = self.frame.depth_m if is_measured else estimate.depth_m
        if depth_m is None:
            return None
        is_shown = ((self.labels != IGNORE_ID) & (depth_m >= limits.min_range_m)
                    & (depth_m <= limits.max_range_m))
        shown = ImageEstimate(
            image_labels=self.labels, confidence=estimate.confidence,
            depth_m=np.where(is_shown, depth_m, np.float32(0)), camera=estimate.camera,
            label_space=estimate.label_space, is_depth_measured=is_measured)
        return image_cloud(shown, confidence=estimate.confidence)


def _label_image(image: LabelledImage, encode: Encoders) -> Any:
    return encode_label_image(image.labels, image.header)


def _label_image_color(image: LabelledImage, encode: Encoders) -> Any:
    return encode_label_color(image.labels, image.estimate.label_space, image.header)


def _label_overlay(image: LabelledImage, encode: Encoders) -> Any:
    picture = label_overlay(
        image.frame.rgb, image.labels, image.estimate.label_space,
        opacity=image.label_parameters.overlay_opacity)
    return encode_image(picture, 'rgb8', image.header)


def _confidence(image: LabelledImage, encode: Encoders) -> Any:
    return encode_image(image.estimate.confidence, '32FC1', image.header)


def _nav_confidence(image: LabelledImage, encode: Encoders) -> Any:
    return encode_grey(image.estimate.confidence, image.header)


def _depth(image: LabelledImage, encode: Encoders) -> Any:
    depth_m = image.estimate.depth_m
    return None if depth_m is None else encode_depth(depth_m, image.header)


def _semantic_points(image: LabelledImage, encode: Encoders) -> Any:
    return None if image.points is None else encode.cloud(image.points, image.header)


IMAGE_OUTPUTS = (
    Output('~/label_image', 'sensor_msgs/Image', _label_image, 'class ids, mono8, 255 = none'),
    Output('~/label_image_color', 'sensor_msgs/Image', _label_image_color, 'class colours, rgb8'),
    Output('~/label_overlay', 'sensor_msgs/Image', _label_overlay,
           'class colours over the camera image, rgb8'),
    Output('~/confidence', 'sensor_msgs/Image', _confidence,
           'probability of the label, 32FC1, 0 to 1'),
    Output('~/depth', 'sensor_msgs/Image', _depth,
           'estimated depth in metres, 32FC1, NaN = none'),
    Output('~/semantic_points', 'sensor_msgs/PointCloud2', _semantic_points,
           'labelled points, one per pixel: x y z rgb label confidence observed'),
    Output('~/nav/confidence', 'sensor_msgs/Image', _nav_confidence,
           'probability of the label as mono8, 255 = certain, for Nav2',
           max_age_s=NAV_MAX_AGE_S),
)
