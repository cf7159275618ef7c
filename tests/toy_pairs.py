"""Small worlds of paired embeddings for the tests of the translation."""

from functools import lru_cache

import numpy as np

from lib.simulate import pairs, states
from lib.translation import inputs


@lru_cache(maxsize=8)
def world(n_genes=60, n_screened=12, *, effect=2.5, size=32, seed=0, groups=4):
    """Pairs of one world; the first genes by name have images."""
    rng = np.random.default_rng(seed)
    genes = [f"G{i:03d}" for i in range(n_genes)]
    table = states.states(genes, n_groups=groups, n_active=n_genes, effect=2.5, rng=rng)
    return pairs.draw(table, genes[:n_screened], rng=rng, sizes=(size, size), effect=effect / 2.5)


def problems(**options):
    """One problem a screened gene."""
    made = world(**options)
    return [inputs.problem(gene, made.images, made.regulatory) for gene in made.images.index]
