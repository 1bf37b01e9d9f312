from __future__ import annotations

import pytest
import torch

from ssc_ros.models.layers.bottleneck3d import Upsample
from ssc_ros.models.layers.folding import fold_batch_norms
from ssc_ros.models.layers.parity_upsample import PARITIES, ParityUpsample, rows_of


def _folded_upsample() -> tuple[Upsample, ParityUpsample]:
    torch.manual_seed(0)
    upsample = Upsample(6, 4).eval()
    upsample[1].running_mean.uniform_(-1, 1)
    upsample[1].running_var.uniform_(0.5, 2)
    folded = Upsample(6, 4).eval()
    folded.load_state_dict(upsample.state_dict())
    fold_batch_norms(folded)
    return upsample, ParityUpsample(folded)


def test_eight_parities_make_the_whole_volume():
    upsample, parities = _folded_upsample()
    volume = torch.randn(2, 6, 3, 2, 4)
    with torch.inference_mode():
        torch.testing.assert_close(parities.whole(volume), upsample(volume), atol=1e-5, rtol=1e-5)


def test_rows_of_a_parity_are_its_voxels_in_order():
    upsample, parities = _folded_upsample()
    volume = torch.randn(2, 6, 3, 2, 4)
    with torch.inference_mode():
        whole = upsample(volume).permute(0, 2, 3, 4, 1)
        for parity, rows in parities(volume):
            torch.testing.assert_close(
                rows, parity.of(whole).reshape(-1, 4), atol=1e-5, rtol=1e-5)


def test_parities_share_no_voxel_and_leave_none_out():
    counted = torch.zeros(1, 4, 6, 2, 1)
    for parity in PARITIES:
        parity.of(counted).add_(1)
    assert (counted == 1).all()


def test_rows_of_channels_last_volumes_are_views():
    volume = torch.zeros(2, 5, 3, 2, 4).contiguous(memory_format=torch.channels_last_3d)
    assert rows_of(volume).data_ptr() == volume.data_ptr()


def test_other_strides_are_refused():
    with pytest.raises(ValueError, match='its stride must be 2'):
        ParityUpsample(Upsample(6, 4, stride=1))
