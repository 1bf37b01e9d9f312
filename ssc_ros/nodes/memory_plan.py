"""What a network will need of the memory of its device, and whether that fits."""

from __future__ import annotations

from dataclasses import dataclass

from ssc_ros.errors import ConfigurationError

SPARE_BYTES = 100_000_000
"""Left to everything else: below it a machine swaps, or ends processes."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """
    Bytes of one network on one device.

    Attributes:
        device: where it runs.
        weights: what it held when it was loaded, tables made by then included.
        tables: what it keeps in addition since its first frame.
        outputs: arrays of one estimate.
        frame: highest growth during one frame, tables and outputs included; None = not measured.
        largest: the greatest single result of a layer, and its name.
        free: what was free before it was loaded, None = the system does not tell.
    """

    device: str
    weights: int
    tables: int = 0
    outputs: int = 0
    frame: int | None = None
    largest: tuple[int, str] = (0, '')
    free: int | None = None

    @property
    def needed(self) -> int:
        """All of it together; a lower bound where no frame was measured."""
        return self.weights + max(self.frame or 0, self.tables + self.outputs)

    def line(self) -> str:
        """Return the plan as one line for the log."""
        parts = [f'weights {megabytes(self.weights)}']
        if self.frame is not None:
            largest, name = self.largest
            within = f'tables {megabytes(self.tables)}, outputs {megabytes(self.outputs)}'
            if name:
                within += f', largest result of a layer {megabytes(largest)} ({name})'
            parts.append(f'one frame {megabytes(self.frame)} with {within}')
        free = '' if self.free is None else f' of {megabytes(self.free)} free'
        return (f'memory plan on {self.device}: {", ".join(parts)}; together '
                f'{megabytes(self.needed)}{free}')

    def check(self) -> None:
        """
        Refuse what cannot run for long.

        Raises:
            ConfigurationError: the plan leaves less than SPARE_BYTES of the device.
        """
        if self.free is not None and self.needed + SPARE_BYTES > self.free:
            raise ConfigurationError(
                f'{self.line()}, of which {megabytes(SPARE_BYTES)} must stay free: take smaller '
                'weights or a smaller map, or end other programs')


def megabytes(count: int) -> str:
    """Return bytes as megabytes in words."""
    return f'{count / 1e6:.1f} MB'
