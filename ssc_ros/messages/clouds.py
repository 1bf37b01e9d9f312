"""
sensor_msgs/PointCloud2 to structured arrays and back.

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

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssc_ros.errors import MessageError
from ssc_ros.labels import LabelSpace
from ssc_ros.messages.classes import as_bytes, byte_array, new_message

SEMANTIC_POINT = np.dtype({
    'names': ['x', 'y', 'z', 'rgb', 'label', 'observed', 'confidence'],
    'formats': ['<f4', '<f4', '<f4', '<u4', '<u2', 'u1', '<f4'],
    'offsets': [0, 4, 8, 12, 16, 18, 20],
    'itemsize': 24,
})
"""The point above; ``rgb`` as the integer whose bits the message calls a float."""

# PointField datatypes, in the order of their numbers.
_TYPES = ('i1', 'u1', 'i2', 'u2', 'i4', 'u4', 'f4', 'f8')
_FLOAT32 = _TYPES.index('f4') + 1


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
    dtype = cloud.dtype
    if dtype.names is None or cloud.ndim not in (1, 2):
        raise MessageError(
            f'a cloud is a (N,) or (H, W) structured array, got {cloud.shape} {dtype}: '
            'build it with semantic_points()')
    height, width = (1, *cloud.shape)[-2:]
    is_dense = all(bool(np.isfinite(cloud[axis]).all()) for axis in 'xyz')
    return new_message(
        'sensor_msgs/PointCloud2', header=header, height=height, width=width,
        fields=[_field(dtype, name) for name in dtype.names], is_bigendian=False,
        point_step=dtype.itemsize, row_step=dtype.itemsize * width, data=byte_array(cloud),
        is_dense=is_dense)


def decode_cloud(msg: Any) -> NDArray[Any]:
    """
    Return any sensor_msgs/PointCloud2 as a structured array with the fields of the message.

    Returns:
        (N,) array, or (H, W) for an organised cloud (height above 1), in the byte order of this
        machine; it may share memory with the message and be read-only.

    Raises:
        MessageError: unknown datatypes, fields beyond the point, truncated data.
    """
    dtype = _point_dtype(msg)
    height, width, row_step = int(msg.height), int(msg.width), int(msg.row_step)
    data = as_bytes(msg.data)
    if height * width == 0:
        return np.zeros(0, dtype)
    if height > 1 and row_step < width * dtype.itemsize:
        raise MessageError(
            f'row_step is {row_step} bytes but a row of {width} points has '
            f'{width * dtype.itemsize}: the publisher must set row_step to a whole row')
    needed = (height - 1) * row_step + width * dtype.itemsize
    if len(data) < needed:
        raise MessageError(
            f'cloud data are truncated: {len(data)} bytes came but {width}x{height} points of '
            f'{dtype.itemsize} bytes need {needed}: check publisher and network for losses')
    cloud: NDArray[Any] = np.ndarray(
        (height, width), dtype.newbyteorder('>' if msg.is_bigendian else '<'), data,
        strides=(row_step, dtype.itemsize))
    native = cloud.astype(dtype) if msg.is_bigendian else cloud
    return native[0] if height == 1 else native


def cloud_xyz(cloud: NDArray[Any]) -> NDArray[np.float32]:
    """Return the (..., 3) float32 coordinates of a structured cloud."""
    missing = [axis for axis in 'xyz' if axis not in (cloud.dtype.names or ())]
    if missing:
        raise MessageError(
            f'cloud has the fields {cloud.dtype.names}, {", ".join(missing)} missing: '
            'subscribe to a cloud with coordinates')
    return np.stack([cloud[axis].astype(np.float32) for axis in 'xyz'], axis=-1)


def cloud_rgb(cloud: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the (..., 3) uint8 colours of the packed field ``rgb`` (or ``rgba``) of a cloud."""
    names = [name for name in ('rgb', 'rgba') if name in (cloud.dtype.names or ())]
    if not names or cloud.dtype[names[0]].itemsize != 4:
        raise MessageError(
            f'cloud has the fields {cloud.dtype.names}, no rgb of 4 bytes: '
            'subscribe to a coloured cloud')
    packed = np.ascontiguousarray(cloud[names[0]]).view(np.uint32)
    return np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], -1).astype(np.uint8)


def _field(dtype: np.dtype[Any], name: str) -> Any:
    kind, offset = dtype[name], dtype.fields[name][1] if dtype.fields else 0
    code = kind.str[1:]
    if code not in _TYPES or kind.str[0] == '>':
        raise MessageError(
            f'cloud field {name!r} is {kind}, expected one little-endian number of {_TYPES}')
    datatype = _FLOAT32 if name == 'rgb' and code == 'u4' else _TYPES.index(code) + 1
    return new_message(
        'sensor_msgs/PointField', name=name, offset=offset, datatype=datatype, count=1)


def _point_dtype(msg: Any) -> np.dtype[Any]:
    names: list[str] = []
    formats: list[Any] = []
    offsets: list[int] = []
    for field in msg.fields:
        datatype, count, offset = int(field.datatype), int(field.count), int(field.offset)
        if not 1 <= datatype <= len(_TYPES):
            raise MessageError(
                f'cloud field {field.name!r} has the datatype {datatype}, expected 1 to '
                f'{len(_TYPES)}: the publisher must use the PointField constants')
        size = np.dtype(_TYPES[datatype - 1]).itemsize * max(count, 1)
        if not 0 <= offset <= int(msg.point_step) - size:
            raise MessageError(
                f'cloud field {field.name!r} covers bytes {offset} to {offset + size} of a point '
                f'of {msg.point_step}: the publisher must set point_step and offsets to match')
        names.append(field.name)
        # Some publishers leave count at 0 and mean 1.
        formats.append(_TYPES[datatype - 1] if count <= 1 else (_TYPES[datatype - 1], (count,)))
        offsets.append(offset)
    if not names or '' in names or len(set(names)) != len(names):
        raise MessageError(
            f'cloud has the fields {names}, expected distinct names such as x, y, z: '
            'check its publisher')
    return np.dtype({
        'names': names, 'formats': formats, 'offsets': offsets, 'itemsize': int(msg.point_step)})
