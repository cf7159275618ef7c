"""Relatives: genes of one family, which a split by chromosome does not keep apart.

Networks that read sequence can recognise a paralog; signals of marks are weaker witnesses, but a
duplicated neighbourhood may still be seen twice. So results are told with and without test genes
that have a relative in training, and such training genes can be left out.
"""

import os

import numpy as np
import pandas as pd
import pandera.pandas as pa

from lib.data import tables

LEFT_OUT = "left out"
FAMILIES = pa.DataFrameSchema({"gene_id": pa.Column(str), "family": pa.Column(str)})
"""Columns of a table of families, such as Ensembl's paralogs or HGNC's gene groups."""


def read_families(path: str | os.PathLike) -> pd.DataFrame:
    """Read a table of families; a gene may be in several.

    Returns
    -------
    DataFrame
        gene_id (without version), family.

    Raises
    ------
    InputError
        For a missing column or file.
    """
    table = tables.read(path, FAMILIES)[["gene_id", "family"]]
    return table.assign(gene_id=table["gene_id"].str.replace(r"\.\d+$", "", regex=True))


def has_relative(genes: pd.Series, others: pd.Series, families: pd.DataFrame) -> np.ndarray:
    """Return which genes share a family with any of the others, (n,) bool.

    Examples
    --------
    >>> known = pd.DataFrame({"gene_id": ["A", "B", "C"], "family": ["f", "f", "g"]})
    >>> has_relative(pd.Series(["B", "C", "D"]), pd.Series(["A"]), known).tolist()
    [True, False, False]
    """
    shared = families.loc[families["gene_id"].isin(others), "family"]
    return genes.isin(families.loc[families["family"].isin(shared), "gene_id"]).to_numpy()


def leave_out(part: pd.Series, genes: pd.Series, families: pd.DataFrame) -> pd.Series:
    """Return the parts of a fold with the training genes that have a held-out relative left out.

    Examples
    --------
    >>> known = pd.DataFrame({"gene_id": ["A", "B"], "family": ["f", "f"]})
    >>> parts = pd.Series(["train", "test", "train"])
    >>> leave_out(parts, pd.Series(["A", "B", "C"]), known).tolist()
    ['left out', 'test', 'train']
    """
    is_train = part == "train"
    return part.mask(is_train & has_relative(genes, genes[~is_train], families), LEFT_OUT)
