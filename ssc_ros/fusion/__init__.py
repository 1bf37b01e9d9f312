"""Posed RGB-D frames over time, fused in a fixed frame: volumes, chunks, files and meshes."""
