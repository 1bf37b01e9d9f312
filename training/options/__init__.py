"""Sections of experiment files: frozen dataclasses whose defaults are published recipes."""

from __future__ import annotations

from training.options.ammnet import AmmnetData, AmmnetLosses, AmmnetOptimization, AmmnetRun
from training.options.common import OptimizationOptions, PackageData, RunOptions
from training.options.gad import GadData, GadLosses, GadOptimization, GadRun
from training.options.imenet import ImenetData, ImenetLosses, ImenetOptimization, ImenetRun
from training.options.occdepth import DataOptions, LossOptions
from training.options.s4r import S4rData, S4rLosses, S4rOptimization, S4rRun

__all__ = [
    'AmmnetData', 'AmmnetLosses', 'AmmnetOptimization', 'AmmnetRun', 'DataOptions', 'GadData',
    'GadLosses', 'GadOptimization', 'GadRun', 'ImenetData', 'ImenetLosses', 'ImenetOptimization',
    'ImenetRun', 'LossOptions', 'OptimizationOptions', 'PackageData', 'RunOptions', 'S4rData',
    'S4rLosses', 'S4rOptimization', 'S4rRun',
]
