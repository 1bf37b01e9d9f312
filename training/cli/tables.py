"""Print published figures beside those measured in the runs' folder."""

from __future__ import annotations

from pathlib import Path

from training.cli.completion_tables import COMPLETION
from training.cli.joint_tables import JOINT
from training.cli.scan_tables import SCANS
from training.cli.segmentation_tables import SEGMENTATION
from training.tables.report import print_report

REPORTS = {
    'ammnet': COMPLETION, 'gad': SEGMENTATION, 'imenet': JOINT, 'occdepth': COMPLETION,
    's4r': SCANS}


def print_tables(paper: str, runs: Path, *, classes: bool = False) -> None:
    """
    Print every table of a paper, the runs that were measured, and the rows that were not.

    Args:
        runs: folder of the runs; several runs of a row are averaged.
        classes: print the figures of every class, too.
    """
    print_report(REPORTS[paper], paper, runs, classes=classes)
