"""What a network must know of its own export."""

from __future__ import annotations

import torch


def is_exporting() -> bool:
    """
    Tell whether the forward pass is being recorded rather than run.

    What is recorded runs again with other values: no branch, no number of loop steps and no size
    may follow from those of the example.
    """
    return torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export()
