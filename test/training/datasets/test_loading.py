"""Tests of the training stream."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.errors import ConfigurationError
from training.datasets.labelled import SampleMaker
from training.datasets.loading import StreamedData, StreamSampler, open_split

frames_and_stop = st.tuples(st.integers(1, 12), st.integers(0, 60))


@given(frames_and_stop, st.integers(0, 60))
def test_a_resumed_stream_is_the_rest_of_the_whole_one(
    sizes: tuple[int, int], start: int
) -> None:
    frames, stop = sizes
    whole = list(StreamSampler(frames, 7, start=0, stop=stop))
    assert list(StreamSampler(frames, 7, start=start, stop=stop)) == whole[start:]


@given(st.integers(1, 12))
def test_every_epoch_shows_each_frame_once(frames: int) -> None:
    draws = list(StreamSampler(frames, 7, start=0, stop=3 * frames))
    for epoch in range(3):
        shown = [draw.frame for draw in draws[epoch * frames:(epoch + 1) * frames]]
        assert sorted(shown) == list(range(frames))


def test_epochs_differ_in_order_and_augmentation() -> None:
    draws = list(StreamSampler(50, 7, start=0, stop=100))
    assert [draw.frame for draw in draws[:50]] != [draw.frame for draw in draws[50:]]
    assert len({draw.seed for draw in draws}) == 100


def test_seeds_give_different_streams() -> None:
    first, second = (list(StreamSampler(9, seed, start=0, stop=9)) for seed in (1, 2))
    assert not set(first) & set(second)


@given(frames_and_stop, st.integers(1, 4))
def test_processes_share_the_stream_between_them(sizes: tuple[int, int], world: int) -> None:
    frames, stop = sizes
    whole = list(StreamSampler(frames, 7, start=0, stop=stop))
    for rank in range(world):
        share = StreamSampler(frames, 7, start=0, stop=stop, rank=rank, world=world)
        assert list(share) == whole[rank::world]
        assert len(share) == len(whole[rank::world])


def test_length_counts_the_batches_already_done() -> None:
    assert len(StreamSampler(5, 7, start=6, stop=10)) == 10


def test_every_process_needs_a_validation_frame(make_ammnet, tmp_path) -> None:
    data = StreamedData(make_ammnet(tmp_path))
    data.num_val = 1
    data.trainer = SimpleNamespace(world_size=2, global_rank=0)
    with pytest.raises(ConfigurationError, match='2 processes share 1 validation frames'):
        data.val_dataloader()


def test_networks_that_project_voxels_read_nyu_frames(make_experiment, tiny_nyu, tmp_path) -> None:
    experiment = make_experiment(
        tmp_path, data={'reader': 'nyu', 'root': str(tiny_nyu)},
        network={'views': 1, 'depth_matching': False})
    frames = open_split(experiment, 'train')
    batch = SampleMaker(experiment.network, experiment.data, with_cells=False)(frames[0])
    assert [len(open_split(experiment, split)) for split in ('train', 'val', 'test')] == [3, 2, 2]
    assert batch.labels.shape == (1, 60, 36, 60)
    assert batch.inputs.in_view.any()
