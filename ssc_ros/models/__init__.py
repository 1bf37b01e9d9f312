"""Networks: one folder per system, and the layers they share."""
