"""Weights bundles: find, read, verify and write them; safetensors, never pickle."""

from __future__ import annotations

from ssc_ros.weights.bundles import (
    find_bundle,
    list_bundles,
    load_state,
    read_bundle_config,
    read_card,
    save_bundle,
    verify,
)

__all__ = [
    'find_bundle', 'list_bundles', 'load_state', 'read_bundle_config', 'read_card', 'save_bundle',
    'verify',
]
