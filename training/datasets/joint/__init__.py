"""Frames whose pixels and voxels are labelled, for networks that label both."""

from .frames import JointFrame, JointFrames

__all__ = ['JointFrame', 'JointFrames']
