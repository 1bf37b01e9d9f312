"""Score labelled images that were recorded against those of the bag that was played."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from ssc_ros.bags.frames import BagImage
from ssc_ros.bags.image_evaluation import ImageEvaluation
from ssc_ros.bags.pairing import StampPairs
from ssc_ros.bags.reader import BagReader
from ssc_ros.messages.headers import stamp_ns
from ssc_ros.messages.images import decode_label

ESTIMATE, TRUTH = 'estimate', 'truth'
StampedLabels = tuple[str, int, NDArray[np.uint8]]


def score_label_images(
    recorded: BagReader, topic: str, images: Iterable[BagImage], evaluation: ImageEvaluation,
) -> None:
    """
    Add every recorded label image whose truth is known to an evaluation.

    Args:
        recorded: bag that holds the estimates.
        topic: of the estimates.
        images: of the bag that was played, with their truth.
    """
    pairs: StampPairs[NDArray[np.uint8]] = StampPairs((ESTIMATE, TRUTH))
    # Side by side, so that only what lags behind is held in memory.
    for moment in zip_longest(_estimates(recorded, topic), _truths(images)):
        for labelled in moment:
            pair = None if labelled is None else pairs.add(*labelled)
            if pair is not None:
                evaluation.add(*pair)


def _estimates(recorded: BagReader, topic: str) -> Iterator[StampedLabels]:
    for message in recorded.messages((topic,)):
        image = message.decode()
        yield ESTIMATE, stamp_ns(image.header.stamp), decode_label(image).astype(np.uint8)


def _truths(images: Iterable[BagImage]) -> Iterator[StampedLabels]:
    for item in images:
        truth = item.ground_truth()
        if truth is not None:
            yield TRUTH, item.frame.stamp_ns, truth
