"""Reading of official checkpoints: pickles in, plain tensors under our names out."""
