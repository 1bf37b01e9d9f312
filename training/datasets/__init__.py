"""Readers and generators of data sets, one package or module per data set."""
