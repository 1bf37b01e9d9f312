"""
GAD on one frame: fused against spelled-out affinity, and the small network plain and folded.

The spelled-out affinity holds the weights between all 20,480 positions of a 128 x 160 map, three
gigabytes of them, six in training. Each contestant's peak memory is that of a process of its own,
above what it held before. Times are the shortest of several rounds in which the contestants take
turns; CPU seconds are those of all threads, the steadier figure on a shared machine.

Run: python benchmarks/bench_gad.py --threads 2
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from benchmarks.timing import figures_of, report, take_turns
from ssc_ros.models.gad.attention import global_attention, local_attention
from ssc_ros.models.gad.inference import optimized
from ssc_ros.models.gad.network import GadNetwork
from ssc_ros.models.gad.presets import PRESETS, load_preset

MAP_SIZE, CHANNELS = (128, 160), 32
Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


def naive_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Spell the affinity of all positions out."""
    rows, columns = query.flatten(2).transpose(1, 2), key.flatten(2)
    affinity = (rows @ columns).softmax(dim=2)
    gathered = affinity @ value.flatten(2).transpose(1, 2)
    return gathered.transpose(1, 2).reshape(query.shape)


def windowed_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attend to the 7 x 7 neighbours."""
    return local_attention(query, key, value, window=7)


ATTENTIONS: Mapping[str, Attention] = {
    'fused': global_attention, 'naive': naive_attention, 'window': windowed_attention}


def maps() -> list[Tensor]:
    """Return query, key and value of noise, as batch norms return them."""
    torch.manual_seed(0)
    return [torch.randn(1, CHANNELS, *MAP_SIZE) for _ in range(3)]


def attend(attention: Attention, arguments: list[Tensor], *, trains: bool) -> Tensor:
    """Run once, backwards too where it trains."""
    with torch.set_grad_enabled(trains):
        result = attention(*(each.detach().requires_grad_(trains) for each in arguments))
        if trains:
            result.square().sum().backward()
    return result.detach()


def resident_mb(field: str) -> float:
    """Return VmRSS or VmHWM of this process."""
    for line in Path('/proc/self/status').read_text(encoding='ascii').splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f'the kernel does not report {field}: this benchmark needs Linux')


def peak_mb(name: str, trains: bool, threads: int) -> float:
    """Return the memory that one run needs, measured in a fresh process."""
    torch.set_num_threads(threads)
    arguments = maps()
    before = resident_mb('VmRSS')
    attend(ATTENTIONS[name], arguments, trains=trains)
    return resident_mb('VmHWM') - before


def measure_attention(rounds: int, threads: int, *, trains: bool) -> dict[str, float]:
    """Return time, memory and largest difference of the attentions."""
    label = 'training' if trains else 'inference'
    arguments = maps()
    times = take_turns({
        name: lambda attention=attention: attend(attention, arguments, trains=trains)
        for name, attention in ATTENTIONS.items()}, rounds)
    context = multiprocessing.get_context('spawn')
    figures = {}
    for name, timing in times.items():
        with context.Pool(1) as pool:
            memory = pool.apply(peak_mb, (name, trains, threads))
        figures.update({f'{label}_{name}_wall_s': timing.wall_s,
                        f'{label}_{name}_cpu_s': timing.cpu_s,
                        f'{label}_{name}_peak_mb': memory})
    for figure in ('wall_s', 'cpu_s', 'peak_mb'):
        figures[f'{label}_naive_over_fused_{figure}'] = (
            figures[f'{label}_naive_{figure}'] / figures[f'{label}_fused_{figure}'])
    fused, naive = (attend(ATTENTIONS[name], arguments, trains=False)
                    for name in ('fused', 'naive'))
    figures['largest_difference'] = (fused - naive).abs().max().item()
    return figures


def measure_network(preset: str, rounds: int) -> dict[str, float]:
    """Return times of a network as it is trained and folded."""
    torch.manual_seed(0)
    network = GadNetwork(load_preset(preset)).eval()
    layout = torch.channels_last
    folded = optimized(network).to(memory_format=layout)
    images = torch.randn(
        1, network.config.input_channels, *network.config.network_size)
    with torch.inference_mode():
        times = take_turns({
            'plain': lambda: network(images),
            'folded': lambda: folded(images.contiguous(memory_format=layout))}, rounds)
    figures = {f'{preset}_{name}': value for name, value in figures_of(times).items()}
    figures[f'{preset}_folded_hz'] = 1 / times['folded'].wall_s
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--preset', default='small', choices=list(PRESETS))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--training', action='store_true', help='measure gradients, too')
    parser.add_argument('--json', type=Path, help='also write the figures there')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    figures = measure_network(arguments.preset, 3 * arguments.rounds)
    for trains in (False, True)[:1 + arguments.training]:
        figures.update(measure_attention(arguments.rounds, arguments.threads, trains=trains))
    figures['threads'] = arguments.threads
    report(figures, arguments.json, name_width=36, value_format='12.5f')


if __name__ == '__main__':
    main()
