"""IMENet: segmentation and scene completion that improve each other (Li et al., IJCAI 2021)."""
