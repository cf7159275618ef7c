"""From an image embedding to a place among regulatory embeddings: kernel regression, its grid, its
tests."""
