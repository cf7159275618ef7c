"""Protein interactions: from a weighted interactome to the subnetwork that explains a screen."""
