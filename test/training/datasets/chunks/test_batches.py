"""Chunks as tensors: what is turned stays consistent, what is missing is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ssc_ros.errors import DataError
from ssc_ros.models.s4r.inputs import TRUNCATION_VOXELS
from ssc_ros.models.s4r.rendering import raycast
from training.datasets.chunks import ChunkData, ChunkDataset
from training.datasets.chunks.loading import open_chunks
from training.datasets.labelled import Draw


@pytest.fixture
def make_dataset(make_s4r, tiny_scans: Path, tmp_path: Path):
    def make(views: int = 2, **data) -> ChunkDataset:
        experiment = make_s4r(tmp_path, data=data)
        root = tiny_scans / 'train'
        return ChunkDataset(
            open_chunks(root), root, experiment.network, experiment.data, views=views)
    return make


def depth_errors_m(batch) -> torch.Tensor:
    """Return errors of depth rendered from the complete chunk, where it was measured in it."""
    samples, views = batch.has_view.nonzero(as_tuple=True)
    tsdf = batch.complete[samples]
    shown = raycast(
        tsdf, tsdf.abs() < TRUNCATION_VOXELS, tsdf[:, None],
        T_grid_camera=batch.T_grid_camera[samples, views],
        intrinsics=batch.intrinsics[samples, views], size=tuple(batch.depth_m.shape[-2:]))
    measured = batch.depth_m[samples, views]
    error = (shown.depth_m - measured).abs()
    return error[shown.hit & (measured > 0) & (measured > shown.entry_depth_m)]


def test_views_fit_the_chunk_however_it_is_turned(make_dataset) -> None:
    dataset, turned = make_dataset(), set()
    for seed in range(8):
        batch = dataset[Draw(3, seed)]
        turned.add(tuple(batch.T_grid_world[0, :2, :2].sign().flatten().tolist()))
        errors = depth_errors_m(batch)
        assert len(errors) > 30
        # Half a voxel of 8 cm; where the chunk ends, what stands behind it is seen.
        assert errors.median() < 0.04, seed
    assert len(turned) >= 4


def test_all_that_belongs_to_a_voxel_moves_with_it(make_dataset) -> None:
    dataset = make_dataset()
    plain, turned = dataset[3], dataset[Draw(3, 1)]
    assert not torch.equal(plain.complete, turned.complete)
    for name in ('incomplete', 'complete', 'known', 'labels'):
        first, second = (getattr(batch, name).flatten().sort().values for batch in (plain, turned))
        assert torch.equal(first, second), name
    is_surface = turned.complete.abs() < 1
    assert (turned.labels[~is_surface] == 255).all()
    # Walls are thinner than a voxel of 8 cm: matter is not near every surface.
    assert (turned.labels[is_surface] != 255).float().mean() > 0.3
    observed = turned.inputs[:, 4] > 0
    assert torch.equal(turned.incomplete[observed], turned.inputs[:, 0][observed])


def test_a_draw_gives_the_same_sample_whenever_it_is_asked_for(make_dataset) -> None:
    dataset = make_dataset()
    first, second, other = (dataset[Draw(2, seed)] for seed in (7, 7, 8))
    assert all(torch.equal(torch.nan_to_num(one), torch.nan_to_num(two))
               for one, two in zip(first, second, strict=True))
    assert not torch.equal(first.T_grid_camera, other.T_grid_camera)


def test_validation_has_no_views_and_no_turns(make_dataset) -> None:
    batch = make_dataset()[1]
    assert batch.has_view.shape == (1, 0) and batch.images.shape == (1, 0, 3, 24, 32)
    assert torch.equal(batch.T_grid_world[0, :3, :3].sign(), torch.eye(3))


def test_views_that_a_list_lacks_are_marked(make_dataset) -> None:
    batch = make_dataset(views=7)[Draw(0, 0)]
    count = int(batch.has_view.sum())
    assert 1 <= count <= 5 and batch.has_view[0, :count].all()
    assert not batch.depth_m[0, count:].any() and (batch.image_labels[0, count:] == 255).all()
    assert torch.isfinite(batch.T_grid_camera).all()


def test_given_labels_of_images_are_those_of_the_scan(make_dataset) -> None:
    pseudo, given = (make_dataset(image_labels=kind)[Draw(3, 5)].image_labels
                     for kind in ('pseudo', 'given'))
    both = (pseudo != 255) & (given != 255)
    agreement = (pseudo == given)[both].float().mean()
    assert 0.7 < agreement < 1 and (given != 255).float().mean() > 0.9


def test_wrong_labels_are_wrong_alike_every_time(make_dataset) -> None:
    right, wrong, again = (make_dataset(wrong_labels=share)[Draw(3, 5)].image_labels
                           for share in (0.0, 0.5, 0.5))
    assert torch.equal(wrong, again)
    assert 0.1 < (right != wrong).float().mean() < 0.9
    assert torch.equal(right == 255, wrong == 255)


def test_complete_volumes_can_be_read(make_dataset) -> None:
    batch = make_dataset(reads='complete')[3]
    observed = batch.inputs[:, 4] > 0
    assert torch.equal(batch.inputs[:, 0][observed], batch.complete[observed])


def test_chunks_of_another_voxel_size_are_named(make_s4r, tiny_scans, tmp_path) -> None:
    experiment = make_s4r(tmp_path)
    root = tiny_scans / 'train'
    dataset = ChunkDataset(
        open_chunks(root), root, replace(experiment.network, voxel_size_m=0.04), experiment.data,
        views=1)
    with pytest.raises(DataError, match=r'voxels of 0.08 m, the network completes .* of 0.04 m'):
        dataset[0]


def test_classes_are_counted_on_labelled_surfaces(make_s4r, tmp_path: Path) -> None:
    data = ChunkData(make_s4r(tmp_path))
    frequencies = data.class_frequencies()
    assert frequencies.shape == (11,) and float(frequencies.sum()) == pytest.approx(1, abs=1e-5)
    labels = torch.cat([batch.labels for batch in data.loader('train', range(8), 1)])
    assert float(frequencies[9]) == pytest.approx(
        float((labels == 9).sum() / (labels != 255).sum()), abs=1e-5)
