"""Planted-truth generators: every simulated input of the pipeline, in the format in which the real
one arrives."""
