from __future__ import annotations

import numpy as np
import pytest

from ssc_ros.labels import available_label_spaces, load_label_space
from ssc_ros.messages.legend import (
    COLUMN_ENTRIES,
    MARGIN_PX,
    ROW_PX,
    SWATCH_PX,
    draw_legend,
    encode_legend,
)


@pytest.mark.parametrize('name', available_label_spaces())
class TestEveryLabelSpace:
    def test_every_class_but_the_empty_one_has_its_swatch_in_the_order_of_the_ids(self, name):
        space = load_label_space(name)
        picture = draw_legend(space)
        middles = MARGIN_PX + SWATCH_PX // 2 + ROW_PX * np.arange(
            min(COLUMN_ENTRIES, len(space.occupied_ids)))
        shown = {tuple(color) for color in picture[middles].reshape(-1, 3).tolist()}
        assert {tuple(space.colors[i].tolist()) for i in space.occupied_ids} <= shown
        first = picture[middles, MARGIN_PX + 2].tolist()
        assert first == space.colors[list(space.occupied_ids[:len(middles)])].tolist()

    def test_every_name_is_written_in_dark_ink_and_fits(self, name):
        space = load_label_space(name)
        picture = draw_legend(space)
        # Nothing is cut off: the edges of the picture stay white.
        assert (picture[:, -1] == 255).all() and (picture[-2:] == 255).all()
        is_ink = np.abs(picture.astype(int) - (38, 44, 56)).max(axis=-1) < 60
        for row in range(min(COLUMN_ENTRIES, len(space.occupied_ids))):
            top = MARGIN_PX + row * ROW_PX
            assert is_ink[top:top + ROW_PX, 2 * MARGIN_PX + SWATCH_PX:].sum() > 20, row


@pytest.mark.ros
def test_the_message_is_a_colour_image():
    from ssc_ros.messages.headers import make_header
    from ssc_ros.messages.images import decode_color

    space = load_label_space('nyu12')
    message = encode_legend(space, make_header(7, ''))
    assert message.encoding == 'rgb8'
    np.testing.assert_array_equal(decode_color(message), draw_legend(space))
