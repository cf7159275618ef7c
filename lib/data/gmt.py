"""Gene sets in MSigDB's GMT format: tab-separated lines of name, description and genes."""

import os

from lib.data.errors import InputError
from lib.run import store


def read(path: str | os.PathLike) -> dict[str, list[str]]:
    """Read the gene sets of a GMT file, such as MSigDB's Hallmark sets.

    Parameters
    ----------
    path : path
        A relative one is taken from the project root.

    Returns
    -------
    dict of str to list of str
        Name of each set → its genes, in the order of the file; upper-case, each gene once.

    Raises
    ------
    InputError
        If the file is absent or not GMT, a set is empty or a name is given twice; the message names
        file and line.

    Examples
    --------
    >>> read("h.all.v7.4.symbols.gmt")["HALLMARK_HYPOXIA"][:2]  # doctest: +SKIP
    ['PGK1', 'PDK1']
    """
    path = store.resolve(path)
    sets: dict[str, list[str]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name}: not readable as GMT ({error}); give tab-separated text"
        ) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, *rest = (part.strip() for part in line.split("\t"))
        # rest[0] is the description
        genes = list(dict.fromkeys(gene.upper() for gene in rest[1:] if gene))
        if not genes:
            raise InputError(
                f"{path.name}: line {number}, set {name[:60]!r} has no genes; expected name, "
                "description and genes separated by tabs"
            )
        if name in sets:
            raise InputError(f"{path.name}: line {number}, set {name!r} is there twice; keep one")
        sets[name] = genes
    if not sets:
        raise InputError(f"{path.name}: no gene set; expected one a line")
    return sets
