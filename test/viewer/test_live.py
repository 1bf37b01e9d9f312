from __future__ import annotations

import numpy as np

from ssc_ros.geometry.transforms import transform_points
from ssc_ros.viewer.live import StampedParts, frame_from_cloud


def test_a_set_is_given_out_when_its_last_part_comes_whatever_the_order():
    for order in (('cloud', 'labels', 'image'), ('image', 'labels', 'cloud')):
        parts = StampedParts('cloud', ('labels', 'image'))
        results = [parts.offer(name, 7, f'{name} 7') for name in order]
        assert results[:2] == [None, None]
        assert results[2] == {name: f'{name} 7' for name in order}


def test_a_part_that_never_comes_only_delays_the_set_until_the_next_one():
    parts = StampedParts('cloud', ('labels', 'image'))
    assert parts.offer('image', 1, 'image 1') is None
    assert parts.offer('cloud', 1, 'cloud 1') is None
    assert parts.offer('cloud', 2, 'cloud 2') == {'cloud': 'cloud 1', 'image': 'image 1'}
    assert parts.offer('cloud', 3, 'cloud 3') == {'cloud': 'cloud 2'}


def test_stamps_that_go_backwards_are_shown_too():
    parts = StampedParts('cloud', ('labels',))
    for stamp in (5, 6, 1, 2):
        parts.offer('labels', stamp, stamp)
        assert parts.offer('cloud', stamp, stamp) == {'cloud': stamp, 'labels': stamp}


def test_images_without_results_do_not_pile_up():
    parts = StampedParts('cloud', ('image',), capacity=10)
    for stamp in range(1000):
        assert parts.offer('image', stamp, stamp) is None
    assert parts.offer('cloud', 995, 'cloud') == {'cloud': 'cloud', 'image': 995}
    assert parts.offer('cloud', 5, 'cloud') is None


def test_an_estimate_survives_the_way_through_its_cloud(make_estimate, pair):
    estimate = make_estimate()
    kept = estimate.labels > 0
    points = transform_points(estimate.T_camera_voxel,
                              estimate.grid.index_to_point(np.argwhere(kept)))
    frame = frame_from_cloud(
        points.astype(np.float32), estimate.labels[kept], observed=estimate.observed[kept],
        confidence=estimate.confidence[kept], camera=estimate.camera,
        label_space=estimate.label_space, image=pair.left, stamp_ns=5)
    rebuilt = frame.estimate
    is_filled = rebuilt.labels != 255
    for name in ('labels', 'observed', 'confidence'):
        original, now = getattr(estimate, name)[kept], getattr(rebuilt, name)[is_filled]
        assert np.array_equal(np.sort(original), np.sort(now)), name
    indices, is_inside = estimate.grid.point_to_index(transform_points(
        np.linalg.inv(estimate.T_camera_voxel) @ rebuilt.T_camera_voxel,
        rebuilt.grid.index_to_point(np.argwhere(is_filled))))
    assert is_inside.all()
    assert np.array_equal(estimate.labels[tuple(indices.T)], rebuilt.labels[is_filled])
