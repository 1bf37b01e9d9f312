"""Any sensor_msgs/PointCloud2 to structured arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import MessageError
from ssc_ros.messages.classes import as_bytes
from ssc_ros.messages.clouds import POINT_FIELD_TYPES


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


def _point_dtype(msg: Any) -> np.dtype[Any]:
    names: list[str] = []
    formats: list[Any] = []
    offsets: list[int] = []
    for field in msg.fields:
        datatype, count, offset = int(field.datatype), int(field.count), int(field.offset)
        if not 1 <= datatype <= len(POINT_FIELD_TYPES):
            raise MessageError(
                f'cloud field {field.name!r} has the datatype {datatype}, expected 1 to '
                f'{len(POINT_FIELD_TYPES)}: the publisher must use the PointField constants')
        code = POINT_FIELD_TYPES[datatype - 1]
        size = np.dtype(code).itemsize * max(count, 1)
        if not 0 <= offset <= int(msg.point_step) - size:
            raise MessageError(
                f'cloud field {field.name!r} covers bytes {offset} to {offset + size} of a point '
                f'of {msg.point_step}: the publisher must set point_step and offsets to match')
        names.append(field.name)
        # Some publishers leave count at 0 and mean 1.
        formats.append(code if count <= 1 else (code, (count,)))
        offsets.append(offset)
    if not names or '' in names or len(set(names)) != len(names):
        raise MessageError(
            f'cloud has the fields {names}, expected distinct names such as x, y, z: '
            'check its publisher')
    return np.dtype({
        'names': names, 'formats': formats, 'offsets': offsets, 'itemsize': int(msg.point_step)})
