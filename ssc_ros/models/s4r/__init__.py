"""S4R: a fused scan in, the completed coloured semantic scene out (Huang et al., 2023)."""
