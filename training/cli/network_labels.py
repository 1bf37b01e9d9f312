"""Labels that a network of this project gives to the frames of the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.ammnet.conversion import read_official
from ssc_ros.models.ammnet.network import AmmnetNetwork
from ssc_ros.models.ammnet.processing import AmmnetEstimator, prepare_arrays
from ssc_ros.models.estimator import load_estimator
from training.cli.evaluate import load_weights
from training.datasets.nyu import NyuSample
from training.experiment import Experiment
from training.runs import read_checkpoint

CHECKPOINT_SUFFIX = '.ckpt'
OFFICIAL_SUFFIXES = ('.pth', '.pt')


class NetworkLabels:
    """
    Runs AMMNet on the volumes of a package as the robot runs it on those of a camera.

    Args:
        weights: a bundle, `random:ammnet/<preset>`, a .ckpt file of `python -m training fit`, or
            a .pth file of the official release.

    Attributes:
        device: where it runs.
        images: what it reads of a sample beside the volumes.
        experiment: that it was trained by; None for a bundle.

    Raises:
        ConfigurationError: another network than AMMNet.
        WeightsError: the bundle is missing, corrupt or does not fit.
    """

    def __init__(self, weights: str) -> None:
        self.experiment: Experiment | None = None
        if weights.endswith(CHECKPOINT_SUFFIX):
            self.experiment, _, _ = read_checkpoint(Path(weights))
            estimator = load_weights(Path(weights), system=self.experiment.system)
        elif weights.endswith(OFFICIAL_SUFFIXES):
            estimator = _open_official(Path(weights))
        else:
            estimator = load_estimator(weights)
        if not isinstance(estimator, AmmnetEstimator):
            raise ConfigurationError(
                f'{weights} is no AMMNet network: score it with `ssc_ros evaluate` on a bag')
        self._estimator = estimator
        self.device = estimator.device
        self.images = ('label_map13' if estimator.config.reads_label_maps else 'rgb',)

    def __call__(self, sample: NyuSample) -> NDArray[np.uint8]:
        """
        Return the (60, 36, 60) labels of a frame.

        Raises:
            DataError: the package lacks the picture that the network reads.
        """
        labels, _ = self._estimator.complete(prepare_arrays(
            self._estimator.config, tsdf=sample.tsdf, pixel_of_voxel=sample.pixel_of_voxel,
            rgb=sample.rgb, label_map=sample.label_map13))
        return labels


def _open_official(path: Path) -> AmmnetEstimator:
    config, state = read_official(path)
    network = AmmnetNetwork(config)
    network.load_state_dict(state)
    return AmmnetEstimator(network, name=str(path))
