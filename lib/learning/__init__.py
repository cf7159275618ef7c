"""Training of any network, and its metrics."""
