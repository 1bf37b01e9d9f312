"""What a perception node published, read from the bag that was recorded around it."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.bags.evaluation import median_stages
from ssc_ros.bags.frames import BagFrame, BagImage, FrameReader, ImageReader
from ssc_ros.bags.reader import BagReader
from ssc_ros.frames import ImageEstimate, SceneEstimate
from ssc_ros.geometry.transforms import inverse_rigid
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.cloud_reading import cloud_xyz, decode_cloud
from ssc_ros.messages.depth import decode_depth
from ssc_ros.messages.headers import NANOSECONDS_PER_SECOND
from ssc_ros.messages.images import decode_image, decode_label
from ssc_ros.messages.volumes import decode_label_volume

VOLUME, CLOUD, LABEL_IMAGE, DEPTH = 'voxels/labels', 'voxels/points', 'label_image', 'depth'
CONFIDENCE, OVERLAY = 'confidence', 'label_overlay'
ANSWERS: Mapping[str, tuple[str, ...]] = {
    'scene': (VOLUME, CLOUD, LABEL_IMAGE, DEPTH, CONFIDENCE),
    'image': (LABEL_IMAGE, CONFIDENCE, DEPTH, OVERLAY)}
"""What is recorded of a node, by what its network answers; the first comes with every frame."""
# Ages are measured against the stamps, which are as old as the bag.
AGES = ('input_age', 'pipeline_latency')
STAGE_ORDER = ('wait', 'decode', 'pose', 'prepare', 'network', 'finish', 'publish', 'total')
_STAMP = struct.Struct('<iI')
_STAMP_OFFSET = 4  # behind the encapsulation header; a header message begins with its stamp


@dataclass(frozen=True, slots=True)
class ReplayTimes:
    """
    When inputs and estimates passed the recorder.

    Attributes:
        latency_ms: by stamp of the estimate, from the last of its images to the estimate.
        stage_ms: median duration of every stage that the node reported.
    """

    latency_ms: dict[int, float]
    stage_ms: dict[str, float]


def read_times(
    reader: BagReader, node: str, image_topics: Collection[str], *, output: str = VOLUME,
) -> ReplayTimes:
    """
    Measure a recorded replay.

    Args:
        node: full name of the perception node.
        output: what it sends of every frame.
    """
    inputs: dict[int, int] = {}
    outputs: dict[int, int] = {}
    stages: list[dict[str, float]] = []
    debug, answer = f'{node}/debug/', f'{node}/{output}'
    for message in reader.messages():
        if message.topic in image_topics:
            stamp = _stamp_ns(message.data)
            inputs[stamp] = max(message.time_ns, inputs.get(stamp, 0))
        elif message.topic == answer:
            outputs[_stamp_ns(message.data)] = message.time_ns
        elif message.topic.startswith(debug):
            stage = message.topic.rpartition('/')[2].removesuffix('_ms')
            if stage not in AGES:
                stages.append({stage: float(message.decode().data)})
    latency_ms = {stamp: (time_ns - inputs[stamp]) / 1e6
                  for stamp, time_ns in outputs.items() if stamp in inputs}
    medians = median_stages(stages)
    order = [*STAGE_ORDER, *sorted(medians.keys() - set(STAGE_ORDER))]
    return ReplayTimes(latency_ms, {name: medians[name] for name in order if name in medians})


def read_scenes(
    reader: BagReader, node: str, frames: FrameReader, label_space: LabelSpace,
    stamps: Collection[int],
) -> Iterator[tuple[SceneEstimate, BagFrame]]:
    """
    Yield the estimates of the given stamps, each with the frame it was made from.

    Args:
        frames: reads the input frames of the same bag.

    Voxels that were published as empty have confidence 0 and count as not observed.
    """
    parts = _read_parts(reader, node, ANSWERS['scene'], stamps)
    for item in frames:
        found = parts.pop(item.frame.stamp_ns, {})
        if VOLUME in found:
            yield _estimate(item, found, label_space), item


def read_labelled_images(
    reader: BagReader, node: str, images: ImageReader, label_space: LabelSpace,
    stamps: Collection[int],
) -> Iterator[tuple[ImageEstimate, BagImage]]:
    """
    Yield the labelled images of the given stamps, each with the image it was made from.

    Args:
        images: reads the input images of the same bag.
    """
    parts = _read_parts(reader, node, ANSWERS['image'], stamps)
    for item in images:
        found = parts.pop(item.frame.stamp_ns, {})
        labels = _label_image(found)
        if labels is not None:
            yield ImageEstimate(
                image_labels=labels,
                confidence=decode_image(found[CONFIDENCE]) if CONFIDENCE in found
                else np.zeros(labels.shape, np.float32),
                depth_m=decode_depth(found[DEPTH]) if DEPTH in found else None,
                camera=item.frame.camera, label_space=label_space,
                stamp_ns=item.frame.stamp_ns, frame_id=item.frame.frame_id), item


def _read_parts(
    reader: BagReader, node: str, outputs: Collection[str], stamps: Collection[int],
) -> dict[int, dict[str, Any]]:
    """Return what the node sent of each stamp, by the name of the output."""
    topics = {f'{node}/{output}': output for output in outputs}
    parts: dict[int, dict[str, Any]] = {}
    for message in reader.messages(tuple(topics)):
        stamp = _stamp_ns(message.data)
        if stamp in stamps:
            parts.setdefault(stamp, {})[topics[message.topic]] = message.decode()
    return parts


def _stamp_ns(data: bytes) -> int:
    seconds, nanoseconds = _STAMP.unpack_from(data, _STAMP_OFFSET)
    return int(seconds) * NANOSECONDS_PER_SECOND + int(nanoseconds)


def _estimate(item: BagFrame, parts: dict[str, Any], label_space: LabelSpace) -> SceneEstimate:
    frame = item.frame
    grid, T_camera_voxel = frame.placement.grid, frame.placement.T_camera_voxel
    confidence, observed = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.bool_)
    if CLOUD in parts:
        cloud = decode_cloud(parts[CLOUD])
        T_voxel_camera = inverse_rigid(T_camera_voxel)
        points = cloud_xyz(cloud) @ T_voxel_camera[:3, :3].T + T_voxel_camera[:3, 3]
        cells, is_inside = grid.point_to_index(points)
        index = tuple(cells[is_inside].T)
        confidence[index] = cloud['confidence'][is_inside]
        observed[index] = cloud['observed'][is_inside].astype(np.bool_)
    return SceneEstimate(
        labels=decode_label_volume(parts[VOLUME], grid.shape), confidence=confidence,
        observed=observed, grid=grid, T_camera_voxel=T_camera_voxel, camera=frame.camera,
        label_space=label_space, image_labels=_label_image(parts),
        image_confidence=decode_image(parts[CONFIDENCE]) if CONFIDENCE in parts else None,
        depth_m=decode_depth(parts[DEPTH]) if DEPTH in parts else None,
        stamp_ns=frame.stamp_ns, frame_id=frame.frame_id)


def _label_image(parts: dict[str, Any]) -> NDArray[np.uint8] | None:
    if LABEL_IMAGE not in parts:
        return None
    return decode_label(parts[LABEL_IMAGE]).astype(np.uint8)
