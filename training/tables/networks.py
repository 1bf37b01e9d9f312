"""Labels that a network of this project gives to the frames of the benchmark."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.ammnet.processing import AmmnetEstimator, prepare_arrays
from ssc_ros.models.estimator import load_estimator
from training.datasets.nyu import NyuSample


class NetworkLabels:
    """
    Runs AMMNet on the volumes of a package as the robot runs it on those of a camera.

    Attributes:
        device: where it runs.
        images: what it reads of a sample beside the volumes.

    Raises:
        ConfigurationError: another network than AMMNet.
        WeightsError: the bundle is missing, corrupt or does not fit.
    """

    def __init__(self, weights: str, *, device: str = 'auto', precision: str = 'auto') -> None:
        estimator = load_estimator(weights, device=device, precision=precision)
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
