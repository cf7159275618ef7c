"""Gene sets in the GMT format of MSigDB: one set a line, name, description, genes,
tab-separated."""

import os

from lib.data.errors import InputError
from lib.run import store


def read(path: str | os.PathLike) -> dict[str, list[str]]:
    """Return the genes of every set in file order, upper-case, a gene once.

    Raises
    ------
    InputError
        For a file that is not GMT, an empty set or a name given twice; names file and line.

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
