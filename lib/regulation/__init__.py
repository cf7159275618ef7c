"""Regulatory gene embeddings: a graph-convolutional autoencoder on the interactome, its clusters
and their figures."""
