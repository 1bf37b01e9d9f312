"""The OccDepth network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssc_ros.errors import ConfigurationError
from ssc_ros.models.occdepth.completion import CompletionNetwork
from ssc_ros.models.occdepth.config import OccDepthConfig
from ssc_ros.models.occdepth.depth_matching import matching_scores
from ssc_ros.models.occdepth.depth_prior import DepthNetwork, occupancy_prior
from ssc_ros.models.occdepth.image_decoder import ImageDecoder
from ssc_ros.models.occdepth.image_encoder import make_encoder
from ssc_ros.models.occdepth.inputs import OccDepthInputs, OccDepthOutput, depth_bins_of
from ssc_ros.models.occdepth.lifting import VoxelLifting
from ssc_ros.models.occdepth.virtual_stereo import warp_to_virtual_view

Pyramid = dict[int, Tensor]


class OccDepthNetwork(nn.Module):
    """
    Images and calibration tables in, class scores of every voxel out.

    A pure function of tensors, so that it can be traced or exported: all geometry enters through
    :class:`~ssc_ros.models.occdepth.inputs.OccDepthInputs`.
    """

    def __init__(self, config: OccDepthConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = make_encoder(config.encoder)
        self.decoder = ImageDecoder(
            self.encoder.channels, config.feature_channels, widths=config.decoder_widths,
            keeps_unused=config.keeps_unused_parameters)
        self.lifting = VoxelLifting(
            config.feature_channels, fusion=config.fusion, gather=config.gather,
            single_view_scale=config.sfa_single_view_scale, views=config.fused_views)
        matching_channels = config.num_depth_bins if config.depth_matching else 0
        self.depth_network = DepthNetwork(
            config.feature_channels + matching_channels, config.depth_channels,
            config.num_depth_bins,
        ) if config.depth_prior else None
        self.bin_depths_m: Tensor
        if config.depth_matching:
            centers = torch.from_numpy(depth_bins_of(config).centers_m()).float()
            self.register_buffer('bin_depths_m', centers, persistent=False)
        self.completion = CompletionNetwork(
            config.feature_channels, config.lifted_shape, config.num_classes,
            final_stride=config.project_scale if config.final_upsampling else None,
            cascade_head=config.cascade_head, occlusion_head=config.occlusion_head,
            context_prior=config.context_prior, trunk=config.head_trunk,
            keeps_unused=config.keeps_unused_parameters)

    def forward(self, images: Tensor, inputs: OccDepthInputs) -> OccDepthOutput:
        """
        Score the voxels.

        Args:
            images: (B, views, 3, H, W) float RGB, left first, in 0..1 minus (0.485, 0.456, 0.406)
                divided by (0.229, 0.224, 0.225).
            inputs: tables of the same batch, on the same device.
        """
        pyramid = self.image_features(images)
        volume, depth_logits = self.lift(pyramid, images, inputs)
        completed = self.completion(volume)
        return OccDepthOutput(
            completed.ssc_logits, completed.occ_logits, depth_logits, completed.relation_logits,
            completed.occlusion_logits)

    def image_features(self, images: Tensor) -> Pyramid:
        """Return {scale: (B, views, C, h, w)} of (B, views, 3, H, W) images."""
        batch, views = images.shape[:2]
        if views != self.config.views:
            raise ConfigurationError(
                f'{views} views given, but configuration {self.config.name!r} takes '
                f'{self.config.views}')
        if not self.training or self.config.joint_view_statistics:
            stacked = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            pyramid: Pyramid = self.decoder(self.encoder(stacked))
            return {scale: maps.unflatten(0, (batch, views)) for scale, maps in pyramid.items()}
        return self._features_view_by_view(images)

    def _features_view_by_view(self, images: Tensor) -> Pyramid:
        pyramids: list[Pyramid] = []
        for view, image in enumerate(images.unbind(1)):
            has_gradient = view == 0 or not self.config.share_2d_backbone_gradient
            with torch.set_grad_enabled(torch.is_grad_enabled() and has_gradient):
                pyramids.append(self.decoder(self.encoder(image)))
        return {scale: torch.stack([pyramid[scale] for pyramid in pyramids], dim=1)
                for scale in pyramids[0]}

    def lift(
        self, pyramid: Pyramid, images: Tensor, inputs: OccDepthInputs,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the volume (B, C, X, Y, Z) that the 3D network reads, and depth logits."""
        fused = pyramid
        if self.config.virtual_baseline_m is not None:
            fused = self._with_virtual_view(pyramid, inputs)
        volume = self.lifting(fused, inputs.pixels, inputs.in_view, self.config.lifted_shape)
        if self.depth_network is None:
            return volume, None
        if inputs.depth_grid is None or inputs.pixel_size is None:
            raise ConfigurationError('the depth prior needs depth_grid and pixel_size')
        depth_logits = self.depth_network(
            self._depth_features(pyramid[8], images, inputs), inputs.pixel_size)
        prior = occupancy_prior(torch.softmax(depth_logits.float(), dim=2), inputs.depth_grid)
        return volume * (self.config.prior_gain * prior).to(volume.dtype), depth_logits

    def _depth_features(
        self, features: Tensor, images: Tensor, inputs: OccDepthInputs,
    ) -> Tensor:
        if not self.config.depth_matching:
            return features
        if inputs.epipolar is None:
            raise ConfigurationError('depth matching needs epipolar')
        with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
            scores = matching_scores(
                images, self.bin_depths_m, inputs.epipolar,
                (features.shape[-2], features.shape[-1]))
        return torch.cat([features, scores.to(features.dtype)], dim=2)

    def _with_virtual_view(self, pyramid: Pyramid, inputs: OccDepthInputs) -> Pyramid:
        if inputs.depth_m is None or inputs.focal_baseline is None:
            raise ConfigurationError('virtual stereo needs depth_m and focal_baseline')
        joined = {}
        for scale, features in pyramid.items():
            virtual = warp_to_virtual_view(
                features[:, 0], inputs.depth_m, inputs.focal_baseline, scale,
                half_pixel_shift=self.config.half_pixel_shift)
            joined[scale] = torch.stack([features[:, 0], virtual], dim=1)
        return joined
