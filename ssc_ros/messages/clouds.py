"""
Labelled points to sensor_msgs/PointCloud2.

Our clouds carry per point, little-endian and aligned, ``point_step`` 24 bytes:

====== ========== ======== ==================================================================
offset field      datatype meaning
====== ========== ======== ==================================================================
0      x          FLOAT32  metres, in the frame of the header
4      y          FLOAT32
8      z          FLOAT32
12     rgb        FLOAT32  colour of the class, 0x00RRGGBB, packed as PCL and RViz expect it
16     label      UINT16   class id, 255 = none
18     observed   UINT8    1 = measured, 0 = completed (inferred)
19                         padding
20     confidence FLOAT32  probability of the label, NaN = not known
====== ========== ======== ==================================================================
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import MessageError
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.cdr import CdrEncoding, CdrWriter
from ssc_ros.messages.classes import byte_array, new_message
from ssc_ros.messages.headers import make_header, stamp_ns

SEMANTIC_POINT = np.dtype({
    'names': ['x', 'y', 'z', 'rgb', 'label', 'observed', 'confidence'],
    'formats': ['<f4', '<f4', '<f4', '<u4', '<u2', 'u1', '<f4'],
    'offsets': [0, 4, 8, 12, 16, 18, 20],
    'itemsize': 24,
})
"""The point above; ``rgb`` as the integer whose bits the message calls a float."""

# PointField datatypes, in the order of their numbers (1 to 8).
POINT_FIELD_TYPES = ('i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'f4', 'f8')


def semantic_points(
    points: ArrayLike,
    labels: NDArray[Any],
    label_space: LabelSpace,
    *,
    observed: ArrayLike = True,
    confidence: ArrayLike = np.nan,
) -> NDArray[Any]:
    """
    Return an array of SEMANTIC_POINT, of the shape of ``labels``.

    Args:
        points: (..., 3) x, y, z in metres; NaN marks missing points of an organised cloud.
        labels: (...) class ids; those outside the space get its ``ignore_color``.
        label_space: gives the colours.
        observed: (...) or one value: measured rather than completed.
        confidence: (...) or one value: probability of the label.
    """
    cloud = np.zeros(labels.shape, SEMANTIC_POINT)
    xyz = np.asarray(points)
    cloud['x'], cloud['y'], cloud['z'] = xyz[..., 0], xyz[..., 1], xyz[..., 2]
    red, green, blue = label_space.palette.astype(np.uint32).T
    cloud['rgb'] = (red << 16 | green << 8 | blue)[np.minimum(labels, 255)]
    cloud['label'] = labels
    cloud['observed'] = observed
    cloud['confidence'] = confidence
    return cloud


def encode_cloud(cloud: NDArray[Any], header: Any) -> Any:
    """
    Return a sensor_msgs/PointCloud2 of a structured array.

    Args:
        cloud: (N,) unorganised or (H, W) organised; fields of one 8 to 32-bit number or a
            float64, among them x, y, z. An integer field ``rgb`` is declared as the float that
            RViz expects.
        header: std_msgs/Header.
    """
    height, width = _organised_size(cloud)
    point_step = cloud.dtype.itemsize
    fields = [
        new_message('sensor_msgs/PointField', name=name, offset=offset, datatype=datatype, count=1)
        for name, offset, datatype in _field_layout(cloud.dtype)]
    return new_message(
        'sensor_msgs/PointCloud2', header=header, height=height, width=width, fields=fields,
        is_bigendian=False, point_step=point_step, row_step=point_step * width,
        data=byte_array(cloud), is_dense=_is_dense(cloud))


def _write(cloud: NDArray[Any], header: Any) -> CdrWriter:
    """Write the fields of sensor_msgs/PointCloud2 in the order of its definition."""
    height, width = _organised_size(cloud)
    fields = _field_layout(cloud.dtype)
    writer = CdrWriter()
    writer.header(stamp_ns(header.stamp), header.frame_id)
    writer.numbers('I', height, width, len(fields))
    for name, offset, datatype in fields:
        writer.string(name)
        writer.numbers('I', offset)
        writer.numbers('B', datatype)
        writer.numbers('I', 1)  # count
    writer.numbers('?', False)  # is_bigendian
    writer.numbers('I', cloud.dtype.itemsize, cloud.dtype.itemsize * width)
    writer.octets(cloud)
    writer.numbers('?', _is_dense(cloud))
    return writer


def _organised_size(cloud: NDArray[Any]) -> tuple[int, int]:
    if cloud.dtype.names is None or cloud.ndim not in (1, 2):
        raise MessageError(
            f'a cloud is a (N,) or (H, W) structured array, got {cloud.shape} {cloud.dtype}: '
            'build it with semantic_points()')
    return (1, len(cloud)) if cloud.ndim == 1 else (cloud.shape[0], cloud.shape[1])


def _is_dense(cloud: NDArray[Any]) -> bool:
    return all(bool(np.isfinite(cloud[axis]).all()) for axis in 'xyz')


@lru_cache(maxsize=16)
def _field_layout(dtype: np.dtype[Any]) -> tuple[tuple[str, int, int], ...]:
    """Return name, offset and PointField datatype of every field."""
    layout = []
    for name, (kind, offset, *_) in (dtype.fields or {}).items():
        code = kind.str[1:]
        if code not in POINT_FIELD_TYPES or kind.str[0] == '>':
            raise MessageError(
                f'cloud field {name!r} is {kind}, expected a little-endian number of '
                f'{", ".join(POINT_FIELD_TYPES)}')
        is_packed_color = name == 'rgb' and code == 'u4'
        datatype = POINT_FIELD_TYPES.index('f4' if is_packed_color else code) + 1
        layout.append((name, int(offset), datatype))
    return tuple(layout)


def _sample() -> tuple[NDArray[Any], Any]:
    return np.zeros(3, SEMANTIC_POINT), make_header(1_500_000_000, 'sample')


POINT_CLOUD = CdrEncoding(_write, encode_cloud, _sample)
