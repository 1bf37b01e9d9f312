"""Tests of what the discriminator is shown."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssc_ros.models.ammnet.discriminator import Discriminator
from ssc_ros.models.ammnet.presets import load_preset
from training.losses import erase, erased_mask, judged, one_hot_volume, shuffle, visible_truth

RANGE = (0.1, 0.9)
shares = st.floats(0.0, 1.0).map(lambda share: (share, share))


def scene(seed: int = 0, samples: int = 2) -> torch.Tensor:
    """Return (B, 12, 10, 12) labels with every class, unknown voxels and much empty space."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 12, (samples, 12, 10, 12), generator=generator)
    ids[:, :6] = 0
    ids[:, 11] = 255
    return ids.to(torch.uint8)


def test_masked_and_unknown_voxels_are_shown_as_empty() -> None:
    labels = torch.tensor([[[[0, 3, 255, 5]]]], dtype=torch.uint8)
    weight = torch.tensor([[[[True, True, True, False]]]])
    assert visible_truth(labels, weight).flatten().tolist() == [0, 3, 0, 0]


@given(shares, st.integers(0, 1000))
def test_an_exact_share_of_occupied_voxels_is_erased(share, seed: int) -> None:
    torch.manual_seed(seed)
    labels = scene(seed)
    erased = erased_mask(labels, share)
    occupied = (labels > 0) & (labels != 255)
    assert not (erased & ~occupied).any()
    expected = (occupied.flatten(1).sum(1) * torch.tensor(share[0])).long()
    assert erased.flatten(1).sum(1).tolist() == expected.tolist()


def test_by_chance_about_the_share_is_erased() -> None:
    torch.manual_seed(0)
    labels = scene(samples=8)
    erased = erased_mask(labels, (0.3, 0.3), exact=False)
    occupied = (labels > 0) & (labels != 255)
    assert float(erased[occupied].float().mean()) == pytest.approx(0.3, abs=0.02)
    assert not erased[~occupied].any()


def test_erased_voxels_become_nothing_or_empty() -> None:
    ids = torch.tensor([[[[0, 3]]]])
    volume, erased = one_hot_volume(ids, 4), torch.tensor([[[[False, True]]]])
    assert erase(volume, erased)[0, :, 0, 0, 1].tolist() == [0, 0, 0, 0]
    assert erase(volume, erased, to='empty')[0, :, 0, 0, 1].tolist() == [1, 0, 0, 0]
    assert erase(volume, erased)[0, :, 0, 0, 0].tolist() == [1, 0, 0, 0]


@given(st.integers(0, 1000), st.booleans())
def test_shuffling_keeps_empty_space_and_never_makes_any(seed: int, exact: bool) -> None:
    torch.manual_seed(seed)
    ids = visible_truth(scene(seed), torch.ones(2, 12, 10, 12, dtype=torch.bool))
    shuffled = shuffle(ids, 12, RANGE, exact=exact)
    assert torch.equal(shuffled == 0, ids == 0)
    assert 0 <= int(shuffled.min()) <= int(shuffled.max()) <= 11
    assert bool((shuffled != ids).any())


@given(st.integers(0, 1000))
def test_all_changed_voxels_of_a_class_turn_into_one_other(seed: int) -> None:
    torch.manual_seed(seed)
    ids = visible_truth(scene(seed), torch.ones(2, 12, 10, 12, dtype=torch.bool))
    shuffled = shuffle(ids, 12, RANGE)
    for before, after in zip(ids, shuffled, strict=True):
        for label in range(1, 12):
            changed = after[(before == label) & (after != before)]
            assert len(changed.unique()) <= 1


def test_drawing_with_replacement_hits_some_voxels_twice() -> None:
    torch.manual_seed(0)
    ids = torch.ones(64, 10, 10, 10, dtype=torch.long)  # one class, so that it is always picked
    changed = (shuffle(ids, 12, (0.9, 0.9)) != ids).float().mean()
    assert float(changed) == pytest.approx(1 - 2.718282 ** -0.9, abs=0.01)


def test_any_number_of_the_classes_is_picked() -> None:
    torch.manual_seed(0)
    ids = torch.tensor([1, 2, 3]).repeat(900, 40).view(900, 4, 5, 6)
    shuffled = shuffle(ids, 12, (0.9, 0.9))
    picked = torch.stack([((shuffled != ids) & (ids == label)).flatten(1).any(1)
                          for label in (1, 2, 3)]).sum(0)
    shares_of = torch.bincount(picked, minlength=4).float() / 900
    torch.testing.assert_close(shares_of, torch.tensor([0, 1, 1, 1]) / 3, atol=0.06, rtol=0)


def test_a_sample_without_any_class_stays() -> None:
    ids = torch.zeros(2, 4, 4, 4, dtype=torch.long)
    for exact in (True, False):
        assert torch.equal(shuffle(ids, 12, RANGE, exact=exact), ids)
        assert not erased_mask(ids, RANGE, exact=exact).any()


def test_a_real_scene_is_perturbed_as_often_as_the_official_code_does(shared_data) -> None:
    import numpy as np
    folder = shared_data / 'nyu'
    labels = torch.from_numpy(np.load(folder / 'Label/0001.npz')['arr_0']).view(1, 60, 36, 60)
    with np.load(folder / 'TSDF/0001.npz') as file:
        weight = torch.from_numpy(file['arr_1'] > 0).view(1, 60, 36, 60)
    labels = labels.expand(60, -1, -1, -1)
    ids = visible_truth(labels, weight.expand(60, -1, -1, -1))
    torch.manual_seed(0)
    occupied = ids > 0
    changed = ((shuffle(ids, 12, RANGE) != ids).flatten(1).sum(1) / occupied.flatten(1).sum(1))
    erased = erased_mask(labels, RANGE).flatten(1).sum(1) / occupied.flatten(1).sum(1)
    # Means over 60 draws, published range of the same 60 draws of the official code.
    assert float(changed.mean()) == pytest.approx(0.24, abs=0.06)
    assert float(erased.mean()) == pytest.approx(0.47, abs=0.09)
    assert 0.09 <= float(erased.min()) <= float(erased.max()) <= 0.9


def test_judgements_of_the_official_discriminator(official) -> None:
    discriminator = Discriminator(load_preset('ammnet'))
    official.fill(discriminator, 'discriminator.')
    prediction = 4 * official.uniform('pred', 2, 12, 60, 36, 60).float()
    labels = ((official.uniform('lab', 2, 60, 36, 60) + 0.5) * 13).floor().long()
    labels[labels == 12] = 255
    weight = official.uniform('w', 2, 60, 36, 60) > -0.2
    with torch.no_grad():
        real = discriminator(one_hot_volume(visible_truth(labels, weight), 12))
        fake = discriminator(prediction * weight[:, None])
    # The reference of the truth was taken in another run, with less agreement.
    assert real.flatten().tolist() == pytest.approx([-1.586934, -0.771419], abs=2e-3)
    assert fake.flatten().tolist() == pytest.approx([-0.490894, -0.357095], abs=2e-5)
    assert float(judged(real, real=True)) == pytest.approx(1.462255, abs=2e-3)
    assert float(judged(fake, real=False)) == pytest.approx(0.503990, abs=1e-5)
    assert float(judged(fake, real=True)) == pytest.approx(0.927984, abs=1e-5)
