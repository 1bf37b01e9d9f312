"""OccDepth: stereo images in, completed semantic voxels out (Miao et al., 2023)."""
