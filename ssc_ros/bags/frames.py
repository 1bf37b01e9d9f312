"""Bags to frames: what a node would have seen, with the ground truth that belongs to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ssc_ros.bags.reader import BagMessage, BagReader
from ssc_ros.errors import DataError, SscError
from ssc_ros.frames import RgbdFrame, RgbFrame, StereoFrame
from ssc_ros.geometry.calibration import CameraCalibration, stereo_rig_from_calibrations
from ssc_ros.geometry.gravity import DepthView, level_pose_from_depth
from ssc_ros.geometry.placement import BoxPlacement
from ssc_ros.messages.camera_info import decode_camera_info
from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.images import decode_label
from ssc_ros.messages.inputs import read_color, read_depth
from ssc_ros.messages.odometry import StampedPose, decode_odometry

FrameKind = Literal['stereo', 'rgbd', 'rgb']
ItemT = TypeVar('ItemT')
PlaceBox = Callable[[NDArray[np.float64]], BoxPlacement]
ReportRefusal = Callable[[int, str], None]

IMAGE_TOLERANCE_NS = {'stereo': 5_000_000, 'rgbd': 20_000_000, 'rgb': 0}
"""As the nodes: largest difference between the stamps of the two images of a frame."""
POSE_TOLERANCE_NS = 50_000_000
HORIZON_NS = 1_000_000_000
"""Pose and ground truth of an image lie at most this much later in the bag than the image."""


@dataclass(frozen=True, slots=True)
class FrameTopics:
    """
    Where a bag keeps what makes up a frame.

    Attributes:
        first, second: left and right image, or colour and depth; the second is empty where
            colour is enough.
        first_info, second_info: their calibrations; only stereo pairs have a second one.
        odometry, ground_truth: empty where the bag has none. The truth is a label volume, or for
            frames of colour alone a label image.
        image_truth: label image beside a ground truth that is a label volume.
    """

    kind: FrameKind
    first: str
    second: str
    first_info: str
    second_info: str = ''
    odometry: str = ''
    ground_truth: str = ''
    image_truth: str = ''

    @property
    def all(self) -> tuple[str, ...]:
        """All topics that are read."""
        names = (self.first, self.second, self.first_info, self.second_info, self.odometry,
                 self.ground_truth, self.image_truth)
        return tuple(name for name in names if name)

    @property
    def is_compressed(self) -> bool:
        """
        The images are CompressedImage messages, on topics that image_transport would use.

        Raises:
            DataError: only one of the two is, which no node can listen to.
        """
        first, second = (name.endswith(('/compressed', '/compressedDepth'))
                         for name in (self.first, self.second or self.first))
        if first != second:
            raise DataError(f'of {self.first} and {self.second} one is compressed, the other '
                            'not: a node takes both raw or both compressed')
        return first


def find_frame_topics(
    reader: BagReader, *, kind: FrameKind = 'stereo', namespace: str = '/stereo',
    odometry: str = '/odom', ground_truth: str = '', scores_images: bool = False,
) -> FrameTopics:
    """
    Find the topics of a stereo bag, raw or compressed, as stereo_image_proc names them.

    Args:
        ground_truth: default: ``/ground_truth/voxels``, or ``label_image`` beside the left image
            for frames of colour alone.
        scores_images: the label image is wanted beside the label volume.

    Raises:
        DataError: images or calibrations are missing; the message names topics that are there.
    """
    left, right = f'{namespace}/left', f'{namespace}/right'
    first = _image_topic(reader, f'{left}/image_rect_color', '/compressed')
    if kind == 'stereo':
        second = _image_topic(reader, f'{right}/image_rect_color', '/compressed')
        second_info = f'{right}/camera_info'
    else:
        second = _image_topic(
            reader, f'{left}/depth/image_raw', '/compressedDepth') if kind == 'rgbd' else ''
        second_info = ''
    if kind == 'rgb':
        odometry = ''
    label_image = f'{left}/label_image'
    ground_truth = ground_truth or (label_image if kind == 'rgb' else '/ground_truth/voxels')
    image_truth = label_image if scores_images and kind != 'rgb' else ''
    topics = FrameTopics(
        kind, first, second, f'{left}/camera_info', second_info,
        odometry if odometry in reader.topics else '',
        ground_truth if ground_truth in reader.topics else '',
        image_truth if image_truth in reader.topics else '')
    reader.require_topics(topics.all)
    return topics


def _image_topic(reader: BagReader, base: str, suffix: str) -> str:
    return base + suffix if base + suffix in reader.topics else base


@dataclass(frozen=True, slots=True, eq=False)
class BagFrame:
    """
    One frame of a bag.

    Attributes:
        truth: (X, Y * Z) uint8 labels, None where the bag has no ground truth for this frame.
        pixel_truth: (H, W) uint8 labels of the first image, None where the bag has none.
    """

    frame: StereoFrame | RgbdFrame
    truth: NDArray[np.uint8] | None
    pixel_truth: NDArray[np.uint8] | None = None

    def ground_truth(self) -> NDArray[np.uint8] | None:
        """Return the ground truth as (X, Y, Z) labels of the frame's grid."""
        shape = self.frame.placement.grid.shape
        if self.truth is None:
            return None
        if self.truth.size != np.prod(shape) or len(self.truth) != shape[0]:
            raise DataError(
                f'ground truth is {self.truth.shape} but the network completes {shape}: '
                'score this bag with weights of its own grid')
        return self.truth.reshape(shape)

    def image_ground_truth(self) -> NDArray[np.uint8] | None:
        """Return the labels of the pixels of the first image."""
        return _of_size(self.pixel_truth, self.frame.camera.size)


@dataclass(frozen=True, slots=True, eq=False)
class BagImage:
    """
    One colour image of a bag.

    Attributes:
        truth: (H, W) uint8 labels of its pixels, 255 = not scored; None where the bag has none.
    """

    frame: RgbFrame
    truth: NDArray[np.uint8] | None

    def ground_truth(self) -> NDArray[np.uint8] | None:
        """Return the labels of the image's pixels."""
        return _of_size(self.truth, self.frame.camera.size)


def _of_size(
    truth: NDArray[np.uint8] | None, size: tuple[int, int],
) -> NDArray[np.uint8] | None:
    if truth is not None and truth.shape != size:
        raise DataError(f'the label image is {truth.shape} but the colour image {size}: record '
                        'labels of the size of the image')
    return truth


@dataclass(slots=True, eq=False)
class _Pending:
    """One first image that waits for what belongs to it."""

    time_ns: int
    stamp_ns: int
    image: Any
    calibrations: tuple[CameraCalibration, ...] = ()
    second: Any = None
    second_gap_ns: int = -1


class MomentReader(ABC, Generic[ItemT]):
    """
    Iterates over the frames of a bag in the order of their first images.

    Args:
        on_refused: told stamp and reason of every image that does not make a frame.

    Iteration raises DataError at the end of a damaged bag, after all readable frames.
    """

    def __init__(
        self, reader: BagReader, topics: FrameTopics, *,
        on_refused: ReportRefusal = lambda stamp_ns, reason: None,
    ) -> None:
        self.reader = reader
        self.topics = topics
        self.on_refused = on_refused
        self._pending: deque[_Pending] = deque()
        self._seconds: deque[tuple[int, Any]] = deque(maxlen=100)
        self._poses: deque[StampedPose] = deque(maxlen=1000)
        self._truths: dict[str, dict[int, Any]] = {
            topic: {} for topic in (topics.ground_truth, topics.image_truth)}
        self._calibrations: dict[str, CameraCalibration] = {}

    def __iter__(self) -> Iterator[ItemT]:
        self._check()
        damage: DataError | None = None
        messages = self.reader.messages(self.topics.all)
        while True:
            try:
                message = next(messages, None)
            except DataError as error:
                message, damage = None, error
            if message is None:
                break
            self._receive(message)
            yield from self._finished(message.time_ns - HORIZON_NS)
        yield from self._finished(None)
        if damage is not None:
            raise damage

    def _receive(self, message: BagMessage) -> None:
        try:
            self._sort(message.topic, message.decode(), message.time_ns)
        except SscError as error:
            self.on_refused(message.time_ns, f'{message.topic}: {error}')

    def _sort(self, topic: str, msg: Any, time_ns: int) -> None:
        topics = self.topics
        if topic in (topics.first_info, topics.second_info):
            self._calibrations[topic] = decode_camera_info(msg)
        elif topic == topics.odometry:
            self._poses.append(decode_odometry(msg))
        elif topic in self._truths:
            self._truths[topic][stamp_ns(msg.header.stamp)] = msg
        elif topic == topics.first:
            self._pending.append(_Pending(time_ns, stamp_ns(msg.header.stamp), msg))
        else:
            self._seconds.append((stamp_ns(msg.header.stamp), msg))
        self._match()

    def _match(self) -> None:
        """Give every waiting image the nearest second one and the calibrations known by then."""
        names = [name for name in (self.topics.first_info, self.topics.second_info) if name]
        for waiting in self._pending:
            if not waiting.calibrations and all(name in self._calibrations for name in names):
                waiting.calibrations = tuple(self._calibrations[name] for name in names)
            for stamp, msg in self._seconds:
                gap = abs(stamp - waiting.stamp_ns)
                if gap <= IMAGE_TOLERANCE_NS[self.topics.kind] and (
                        waiting.second is None or gap < waiting.second_gap_ns):
                    waiting.second, waiting.second_gap_ns = msg, gap

    def _finished(self, before_ns: int | None) -> Iterator[ItemT]:
        while self._pending and (before_ns is None or self._pending[0].time_ns <= before_ns):
            waiting = self._pending.popleft()
            try:
                self._check_complete(waiting)
                yield self._build(waiting)
            except SscError as error:
                self.on_refused(waiting.stamp_ns, str(error))
            for truths in self._truths.values():
                for stamp in [stamp for stamp in truths if stamp <= waiting.stamp_ns]:
                    del truths[stamp]

    def _check_complete(self, waiting: _Pending) -> None:
        if waiting.stamp_ns == 0:
            raise DataError(f'{self.topics.first}: the stamp is zero')
        if self.topics.second and waiting.second is None:
            raise DataError(f'{self.topics.first}: no image of {self.topics.second} has its stamp')
        if not waiting.calibrations:
            raise DataError(f'{self.topics.first_info}: no calibration came with the image')

    def _truth(self, waiting: _Pending, topic: str) -> NDArray[np.uint8] | None:
        truth = self._truths[topic].get(waiting.stamp_ns)
        return None if truth is None else decode_label(truth).astype(np.uint8)

    def _check(self) -> None:
        """Raise DataError where the bag can give no frame at all."""

    @abstractmethod
    def _build(self, waiting: _Pending) -> ItemT:
        """Return the frame of a first image that has all that belongs to it."""


class FrameReader(MomentReader[BagFrame]):
    """
    Reads stereo pairs or RGB-D frames and where the camera stood.

    Args:
        place_box: puts the network's voxel box before a camera, see ``Estimator.place_box``.
        fixed_pose: T_world_camera for bags without odometry.
        pose_from_depth: take the pose that the depth of an RGB-D frame shows, odometry or not.
    """

    def __init__(
        self, reader: BagReader, topics: FrameTopics, place_box: PlaceBox, *,
        fixed_pose: NDArray[np.float64] | None = None, pose_from_depth: bool = False,
        on_refused: ReportRefusal = lambda stamp_ns, reason: None,
    ) -> None:
        super().__init__(reader, topics, on_refused=on_refused)
        self.place_box = place_box
        self.fixed_pose = fixed_pose
        self.pose_from_depth = pose_from_depth

    def _check(self) -> None:
        if not (self.topics.odometry or self.fixed_pose is not None
                or (self.pose_from_depth and self.topics.kind == 'rgbd')):
            raise DataError(f'{self.reader.path} has no odometry: give the height and the pitch '
                            'of the camera')

    def _build(self, waiting: _Pending) -> BagFrame:
        header, first = waiting.image.header, read_color(waiting.image)
        frame: StereoFrame | RgbdFrame
        if self.topics.kind == 'stereo':
            placement = self.place_box(self._pose(waiting.stamp_ns, header.frame_id))
            rig = stereo_rig_from_calibrations(*waiting.calibrations)
            frame = StereoFrame(first, read_color(waiting.second), rig, placement,
                                waiting.stamp_ns, header.frame_id)
        else:
            view = DepthView(
                read_depth(waiting.second), waiting.calibrations[0].rectified_camera())
            pose = (level_pose_from_depth(view) if self.pose_from_depth
                    else self._pose(waiting.stamp_ns, header.frame_id))
            frame = RgbdFrame(first, view.depth_m, view.camera, self.place_box(pose),
                              waiting.stamp_ns, header.frame_id)
        return BagFrame(
            frame, *(self._truth(waiting, topic)
                     for topic in (self.topics.ground_truth, self.topics.image_truth)))

    def _pose(self, stamp: int, frame_id: str) -> NDArray[np.float64]:
        if not self.topics.odometry:
            assert self.fixed_pose is not None
            return self.fixed_pose
        poses = [pose for pose in self._poses if pose.child_frame_id == frame_id]
        nearest = min(poses, key=lambda pose: abs(pose.stamp_ns - stamp), default=None)
        if nearest is None or abs(nearest.stamp_ns - stamp) > POSE_TOLERANCE_NS:
            raise DataError(
                f'{self.topics.odometry}: no pose of frame {frame_id!r} within '
                f'{POSE_TOLERANCE_NS // 1_000_000} ms of the image')
        return nearest.T_parent_child


class ImageReader(MomentReader[BagImage]):
    """Reads colour images."""

    def _build(self, waiting: _Pending) -> BagImage:
        frame = RgbFrame(
            read_color(waiting.image), waiting.calibrations[0].rectified_camera(),
            stamp_ns=waiting.stamp_ns, frame_id=waiting.image.header.frame_id)
        return BagImage(frame, self._truth(waiting, self.topics.ground_truth))
