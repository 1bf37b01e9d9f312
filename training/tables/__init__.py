"""Published figures, one YAML per paper, to stand beside measured ones."""
