"""Prepared scans as a network that completes them learns and is scored: chunks and scenes."""

from __future__ import annotations

from .batches import ChunkBatch, ChunkDataset
from .loading import ChunkData
from .scenes import ScanScene, ScanScenes

__all__ = ['ChunkBatch', 'ChunkData', 'ChunkDataset', 'ScanScene', 'ScanScenes']
