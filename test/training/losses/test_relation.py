"""Tests of label downsampling and voxel relations."""

from __future__ import annotations

import math

import pytest
import torch

from training.losses import downsample_labels, relation_cross_entropy, relation_matrix


def block(counts: dict[int, int]) -> torch.Tensor:
    values = [label for label, count in counts.items() for _ in range(count)]
    edge = round(len(values) ** (1 / 3))
    return torch.tensor(values, dtype=torch.uint8).reshape(edge, edge, edge)


@pytest.mark.parametrize(('counts', 'expected'), [
    ({0: 494, 5: 18}, 0),
    ({0: 485, 5: 27}, 5),
    ({0: 256, 255: 256}, 255),
    ({7: 256, 3: 256}, 3),
    ({255: 500, 0: 12}, 255),
    ({254: 300, 255: 212}, 254),
])
def test_a_block_gets_the_label_of_the_rule(counts: dict[int, int], expected: int) -> None:
    assert downsample_labels(block(counts), 8).item() == expected


def test_blocks_stay_where_they_are() -> None:
    labels = torch.zeros(8, 4, 12, dtype=torch.uint8)
    labels[4:8, 0:4, 8:12] = 3
    reduced = downsample_labels(labels, 4)
    assert reduced.shape == (2, 1, 3)
    assert reduced.nonzero().tolist() == [[1, 0, 2]]


def test_relations_of_the_hand_made_cell() -> None:
    labels = torch.tensor([0, 0, 1, 1, 1, 2, 255, 0], dtype=torch.uint8).reshape(2, 2, 2)
    assert relation_matrix(labels, 3)[:, 0].int().tolist() == [
        [0, 0, 1, 1, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 1],
        [1, 1, 1, 1, 1, 1, 0, 1],
    ]


def plain_relations(labels: torch.Tensor, n: int, m: int) -> list[bool]:
    """Return the four relations of one pair straight from their definition."""
    _, y, z = (length // 2 for length in labels.shape)
    i, j, k = m // (y * z), m // z % y, m % z
    cell = labels[2 * i:2 * i + 2, 2 * j:2 * j + 2, 2 * k:2 * k + 2].flatten().tolist()
    present, label = set(cell) - {255}, int(labels.flatten()[n])
    if label == 255:
        return [False] * 4
    others = present - {0}
    return [
        label != 0 and label in present,
        label != 0 and bool(others - {label}),
        label == 0 and 0 in present,
        bool(others) if label == 0 else 0 in present,
    ]


def test_relations_follow_their_definition_on_odd_volumes() -> None:
    labels = torch.randint(0, 4, (5, 3, 4), generator=torch.Generator().manual_seed(1))
    labels[labels == 3] = 255
    relations = relation_matrix(labels.to(torch.uint8), 3)
    assert relations.shape == (4, 2 * 1 * 2, 60)
    for m in range(4):
        for n in range(60):
            assert relations[:, m, n].tolist() == plain_relations(labels, n, m)


def test_zero_logits_have_the_hand_value() -> None:
    relations = torch.zeros(1, 4, 2, 3, dtype=torch.bool)
    relations[0, :, 0, 0] = True
    relations[0, 2, 1, 1] = True
    loss = relation_cross_entropy(torch.zeros(1, 4, 2, 3), relations)
    assert loss.item() == pytest.approx(1.0975, abs=1e-4)


def test_a_relation_without_positives_stays_finite() -> None:
    relations = torch.zeros(1, 4, 2, 3, dtype=torch.bool)
    loss = relation_cross_entropy(torch.zeros(1, 4, 2, 3), relations)
    assert loss.item() == pytest.approx(math.log(2))
