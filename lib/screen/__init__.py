"""The gene-perturbation screen: splits, samples, networks and their runs, and the analyses of what
they give."""
