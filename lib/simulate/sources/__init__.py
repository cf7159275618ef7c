"""Simulated network sources, one module per source, each in the format of the real file."""
