"""Tests of NYUv2 samples as tensors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ssc_ros.errors import ConfigurationError
from training.datasets.completion_batches import (
    AmmnetBatch,
    AmmnetDataset,
    KeptFrames,
    ReadFrames,
    join,
)
from training.datasets.completion_loading import open_samples
from training.datasets.labelled import Draw
from training.experiment import Experiment


@pytest.fixture(scope='module')
def experiment(make_ammnet, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return make_ammnet(tmp_path_factory.mktemp('run'))


def colour(experiment: Experiment, **changes: str) -> Experiment:
    return replace(experiment, network=replace(experiment.network, encoder='lite0', **changes))


def dataset(experiment: Experiment) -> AmmnetDataset:
    kind = 'label_map13' if experiment.network.reads_label_maps else 'rgb'
    frames = ReadFrames(open_samples(experiment, 'train'), kind)
    return AmmnetDataset(frames, experiment.network, experiment.data)


def assert_equal(first: AmmnetBatch, second: AmmnetBatch) -> None:
    for one, other in zip((*first.inputs, *first[1:]), (*second.inputs, *second[1:]), strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


def test_an_index_gives_the_frame_as_it_is(experiment: Experiment) -> None:
    sample, batch = open_samples(experiment, 'train')[0], dataset(experiment)[0]
    assert batch.inputs.image is None
    assert torch.equal(batch.inputs.label_map[0], torch.from_numpy(sample.label_map13))
    assert torch.equal(batch.inputs.tsdf[0, 0], torch.from_numpy(sample.tsdf))
    assert torch.equal(batch.inputs.pixel_of_voxel[0], torch.from_numpy(sample.pixel_of_voxel))
    assert torch.equal(batch.labels[0], torch.from_numpy(sample.labels))
    assert torch.equal(batch.weight[0], torch.from_numpy(sample.label_weight))
    visible = sample.pixel_of_voxel < 307200
    seen = batch.pixel_labels.flatten()[sample.pixel_of_voxel[visible]]
    assert torch.equal(seen, torch.from_numpy(sample.labels.ravel()[visible]))
    assert int((batch.pixel_labels != 255).sum()) <= visible.sum()


def test_a_draw_repeats_by_its_seed(experiment: Experiment) -> None:
    data = dataset(colour(experiment))
    assert_equal(data[Draw(0, 5)], data[Draw(0, 5)])
    assert not torch.equal(data[Draw(0, 5)].inputs.image, data[Draw(0, 6)].inputs.image)
    assert torch.equal(data[Draw(0, 5)].labels, data[0].labels)


@pytest.mark.parametrize('seed', range(6))
def test_an_augmented_voxel_still_sees_what_it_saw(experiment: Experiment, seed: int) -> None:
    plain, augmented = dataset(experiment)[0], dataset(experiment)[Draw(0, seed)]

    def seen(batch: AmmnetBatch) -> torch.Tensor:
        padded = torch.cat([batch.inputs.label_map.flatten(), torch.tensor([99])])
        return padded[batch.inputs.pixel_of_voxel[0]]

    before, after = seen(plain), seen(augmented)
    kept = after != 99
    assert int(kept.sum()) > 0.4 * int((before != 99).sum())
    assert torch.equal(after[kept], before[kept])


def test_input_augmentation_turns_volumes_and_mapping_together(experiment: Experiment) -> None:
    network = replace(experiment.network, augmentation_3d='input')
    data = replace(experiment.data, augments_images=False)
    turning = dataset(replace(experiment, network=network, data=data))
    plain = turning[0]
    turned = [turning[Draw(0, seed)] for seed in range(12)]
    assert any(not torch.equal(each.labels, plain.labels) for each in turned)
    pixels = plain.inputs.pixel_of_voxel[0]
    for each in turned:
        # A pixel tells voxels apart, whatever their place.
        moved = each.inputs.pixel_of_voxel[0]
        assert torch.equal(moved.sort().values, pixels.sort().values)
        order, origin = moved.argsort(stable=True), pixels.argsort(stable=True)
        visible = (pixels < 307200).sum()
        for name in ('labels', 'weight'):
            assert torch.equal(getattr(each, name).flatten()[order][:visible],
                               getattr(plain, name).flatten()[origin][:visible])
        assert torch.equal(each.inputs.tsdf.flatten()[order][:visible],
                           plain.inputs.tsdf.flatten()[origin][:visible])
        assert torch.equal(each.pixel_labels, plain.pixel_labels)


@pytest.mark.parametrize('kind', ['label_map13', 'rgb'])
def test_kept_frames_equal_those_read_each_time(experiment: Experiment, kind: str) -> None:
    asked = experiment if kind == 'label_map13' else colour(experiment)
    samples = open_samples(asked, 'train')
    for precision, tolerance in (('float32', 0), ('float16', 2.5e-4)):
        kept = KeptFrames(samples, kind, tsdf_precision=precision, device='cpu')
        assert len(kept) == len(samples) == 3
        for one, other in zip(kept, ReadFrames(samples, kind), strict=False):
            torch.testing.assert_close(
                one.tsdf.float(), other.tsdf, rtol=0, atol=tolerance)
            for name in ('picture', 'labels', 'weight'):
                assert torch.equal(getattr(one, name), getattr(other, name))
            assert torch.equal(one.pixel_of_voxel.long(), other.pixel_of_voxel)


def test_a_batch_splits_into_what_was_joined(experiment: Experiment) -> None:
    data = dataset(experiment)
    singles = [data[index] for index in range(3)]
    first, second = join(singles).split(2)
    assert_equal(first, join(singles[:2]))
    assert_equal(second, singles[2])


def test_held_out_frames_are_not_trained_on(experiment: Experiment) -> None:
    held = replace(experiment, data=replace(
        experiment.data, validate_on='held_out', held_out=1, val_samples=None))
    with pytest.raises(ConfigurationError, match=r'no frame is left for val'):
        open_samples(held, 'val')  # frames 3, 4 and 5 are one scene
    assert open_samples(experiment, 'val').frame_ids == (1,)
    assert open_samples(experiment, 'train').frame_ids == (3, 4, 5)


def test_a_real_split_is_held_out_by_scenes(experiment: Experiment, shared_data: Path) -> None:
    held = replace(experiment, data=replace(
        experiment.data, root=str(shared_data / 'nyu'), validate_on='held_out', held_out=40,
        val_samples=None))
    train, val = (set(open_samples(held, part).frame_ids) for part in ('train', 'val'))
    assert len(train) + len(val) == 795
    assert 30 <= len(val) <= 40
    assert not train & {frame_id + step for frame_id in val for step in (-1, 0, 1)}
