"""Simulated network sources, one module a source, each in the format of the real file."""
