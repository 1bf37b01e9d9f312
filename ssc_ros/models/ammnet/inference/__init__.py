"""
The network rearranged for inference: the same function, a fraction of the work.

Batch norms are folded, and linear layers that follow each other are multiplied out. What remains
of a modulation f * (1 + sigmoid(S t)) + B t before a linear layer L is L (f * (1 + sigmoid(S t)))
+ (L B) t, so the 256-channel shift is never computed; and where f is zero, which the projected
image is almost everywhere, neither is the gain. Volumes of full resolution and full width exist
one eighth at a time (see ``ParityUpsample``).
"""

from __future__ import annotations

from ssc_ros.models.ammnet.inference.network import optimized

__all__ = ['optimized']
