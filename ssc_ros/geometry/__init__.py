"""Cameras, grids and projections; NumPy only, no ROS."""
