"""The binary files of ScanComplete, SG-NN and SPSG: volumes, colours, known masks, chunks."""

from __future__ import annotations

from ssc_ros.fusion.formats.chunk_files import (
    ChunkFile,
    PyramidFile,
    read_chunk,
    read_pyramid,
    write_chunk,
    write_pyramid,
)
from ssc_ros.fusion.formats.frame_lists import read_frame_list, write_frame_list
from ssc_ros.fusion.formats.scene_files import (
    read_colors,
    read_dense_sdf,
    read_known,
    read_scene,
    read_sdf,
    read_semantics,
    write_colors,
    write_dense_sdf,
    write_known,
    write_scene,
    write_sdf,
    write_semantics,
)
from ssc_ros.fusion.formats.sparse import SparseTsdf, dense_volume, sparse_tsdf

__all__ = [
    'ChunkFile', 'PyramidFile', 'SparseTsdf', 'dense_volume', 'read_chunk', 'read_colors',
    'read_dense_sdf', 'read_frame_list', 'read_known', 'read_pyramid', 'read_scene', 'read_sdf',
    'read_semantics', 'sparse_tsdf', 'write_chunk', 'write_colors', 'write_dense_sdf',
    'write_frame_list', 'write_known', 'write_pyramid', 'write_scene', 'write_sdf',
    'write_semantics',
]
