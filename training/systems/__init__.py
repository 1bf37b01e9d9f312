"""Lightning systems, one readable file per paper."""
