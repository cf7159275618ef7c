"""The order in which topGO lists terms of equal p-value: that of R's hashed environments.

topGO keeps its graph levels in two R environments and prints terms as they are listed. The order
has no meaning but is deterministic, and with many ties it decides which terms a figure of the first
rows shows.
"""

from collections.abc import Iterable

import numpy as np

FIRST_SIZE, FULL_AT, GROWTH = (
    29,
    0.85,
    1.2,
)  # buckets at the start; share that triggers growth; factor of growth


def listing_order(keys: Iterable[str]) -> list[str]:
    """Return keys as an R environment lists them after they were assigned in this order.

    Buckets are listed ascending, each from its newest key to its oldest.

    Parameters
    ----------
    keys : iterable of str
        Names; a repeated one changes nothing.

    Returns
    -------
    list of str
        Each key once.
    """
    keys = list(dict.fromkeys(keys))
    hashes = dict(zip(keys, _pjw_hashes(keys), strict=True))
    buckets: list[list[str]] = [[] for _ in range(FIRST_SIZE)]  # each oldest first
    n_counted = 0
    for key in keys:
        buckets[hashes[key] % len(buckets)].append(key)
        n_counted += 1
        if n_counted > len(buckets) * FULL_AT:
            buckets = _grown(buckets, hashes)
            n_counted = sum(map(bool, buckets))  # after a rebuild R counts filled buckets, not keys
    return [key for bucket in buckets for key in reversed(bucket)]


def topgo_order(terms: np.ndarray, child: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """Return the order in which topGO lists a graph's terms before it sorts them by p-value.

    Parameters
    ----------
    terms : (T,) array of str
        GO ids, ascending; the graph has one root and every term is below it.
    child, parent : (E,) int array
        Edges as positions in `terms`, sorted by parent, then child.

    Returns
    -------
    (T,) int array
        Positions in `terms`.
    """
    waves = list(_waves_from_root(len(terms), child, parent))
    level = np.zeros(len(terms), int)
    for depth, wave in enumerate(waves):
        level[wave] = depth  # the last wave that a term appears in
    position = {term: i for i, term in enumerate(terms)}
    first = np.array([position[term] for term in listing_order(terms[np.concatenate(waves)])])
    by_level = first[np.argsort(-level[first], kind="stable")]  # deepest level first
    return np.array([position[term] for term in listing_order(terms[by_level])])


def _waves_from_root(n_terms: int, child: np.ndarray, parent: np.ndarray):
    """Yield breadth-first waves of positions: the children of a wave, in its order, each once."""
    start = np.searchsorted(
        parent, np.arange(n_terms + 1)
    )  # edges of parent i: start[i] to start[i + 1]
    wave = np.setdiff1d(np.arange(n_terms), child)
    while len(wave):
        yield wave
        n_children = start[wave + 1] - start[wave]
        offset = np.arange(n_children.sum()) - np.repeat(
            np.cumsum(n_children) - n_children, n_children
        )
        children = child[np.repeat(start[wave], n_children) + offset]
        wave = children[np.sort(np.unique(children, return_index=True)[1])]


def _grown(buckets: list[list[str]], hashes: dict[str, int]) -> list[list[str]]:
    """Return more buckets, filled in the order in which the old ones are listed."""
    larger: list[list[str]] = [[] for _ in range(int(len(buckets) * GROWTH))]
    for bucket in buckets:
        for key in reversed(bucket):
            larger[hashes[key] % len(larger)].append(key)
    return larger


def _pjw_hashes(keys: list[str]) -> list[int]:
    """Return the 32-bit PJW hash of every key, which R uses for the names of an environment."""
    text = np.array([key.encode() for key in keys])
    width = text.dtype.itemsize
    letters = (
        text.view(np.uint8).reshape(len(keys), width).astype(np.uint32)
    )  # (keys, bytes), zeros after the end
    length = np.array([len(key.encode()) for key in keys])
    value = np.zeros(len(keys), np.uint32)
    for i in range(width):
        step = (value << np.uint32(4)) + letters[:, i]  # modulo 2³²
        # the top four bits are folded back and cleared
        high = step & np.uint32(0xF0000000)
        value = np.where(
            i < length, (step ^ (high >> np.uint32(24))) & np.uint32(0x0FFFFFFF), value
        )
    return value.tolist()
