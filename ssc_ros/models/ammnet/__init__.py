"""AMMNet: an RGB-D frame in, completed semantic voxels out (Wang et al., CVPR 2024)."""
