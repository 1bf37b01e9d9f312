"""Semantic scene completion for ROS 2: cameras in, completed labelled 3D scene out."""

__version__ = '0.1.0'
