"""Images are scaled, maps resized and labels picked as the release does, but for id 0."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ssc_ros.models.gad.inputs import GadOutput, normalize_image, predict, resize_map


def test_imagenet_statistics_are_removed(tiny):
    image = torch.tensor([124, 116, 104], dtype=torch.uint8).view(1, 3, 1, 1)
    assert normalize_image(image, tiny).abs().max() < 0.02
    white = normalize_image(torch.full((1, 6, 1, 1), 255), tiny).flatten()
    torch.testing.assert_close(white[:3], white[3:])
    torch.testing.assert_close(white[0], torch.tensor((1 - 0.485) / 0.229))


def test_the_release_only_divides(tiny):
    image = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    unit = normalize_image(image, replace(tiny, input_norm='unit'))
    torch.testing.assert_close(unit.flatten(), torch.tensor([0, 0.2, 1]))


def test_corners_stay_on_corners():
    values = torch.tensor([[[[0.0, 2.0]]]])
    assert resize_map(values, (1, 5)).flatten().tolist() == [0, 0.5, 1, 1.5, 2]


@pytest.mark.parametrize(('masks', 'label', 'candidates'), [
    (True, 2, [1.0, 0.0]), (False, 0, [4.0, 0.0, 1.0])])
def test_unlabelled_is_an_answer_of_the_release_alone(tiny, masks, label, candidates):
    logits = torch.tensor([4.0, 0, 1]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    output = GadOutput(logits, torch.full((1, 1, 2, 2), 1.5), None)
    found = predict(output, (4, 6), replace(tiny, masks_unlabelled=masks))
    assert found.labels.shape == found.confidence.shape == found.depth_m.shape == (1, 4, 6)
    assert found.labels.dtype == torch.uint8 and (found.labels == label).all()
    torch.testing.assert_close(
        found.confidence, torch.tensor(candidates).softmax(0)[0].expand(1, 4, 6))
    torch.testing.assert_close(found.depth_m, torch.full((1, 4, 6), 1.5))


def test_a_network_without_depth_answers_without(tiny):
    assert predict(GadOutput(torch.randn(1, 6, 2, 2), None, None), (4, 4), tiny).depth_m is None
