"""Join genes by their NCBI id, for symbols age; report what cannot be told."""

import pandas as pd

from lib.data.errors import InputError

APPROVED, RENAMED, AMBIGUOUS, UNKNOWN = "current symbol", "renamed", "ambiguous", "not found"


def network_genes(symbols, gene_ids: pd.DataFrame) -> pd.DataFrame:
    """Return the NCBI ids of the network's genes.

    Parameters
    ----------
    symbols : sequence of str
        Genes of the network, current symbols.
    gene_ids : DataFrame
        `symbol`, `entrez`: the gene annotation.

    Returns
    -------
    DataFrame
        One row per gene with one id: `symbol`, `gene_id` (text).

    Raises
    ------
    InputError
        If no gene has an id.
    """
    known = gene_ids[["symbol", "entrez"]].dropna().drop_duplicates()
    known = known.assign(entrez=known["entrez"].astype(str).str.removesuffix(".0"))
    found = known[known["symbol"].isin(set(symbols))]
    # a symbol with two ids cannot be joined by id
    found = found.drop_duplicates("symbol", keep=False).drop_duplicates("entrez", keep=False)
    if found.empty:
        raise InputError("no gene of the network has an NCBI id; check the gene annotation")
    return found.rename(columns={"entrez": "gene_id"}).sort_values("symbol", ignore_index=True)


def resolve(symbols, aliases: pd.DataFrame) -> pd.DataFrame:
    """Say what old symbols are called today; what is ambiguous stays so.

    Parameters
    ----------
    symbols : sequence of str
    aliases : DataFrame
        `alias`, `symbol`: former or other names, and the current symbols that bear them.

    Returns
    -------
    DataFrame
        One row per symbol: `given`, `symbol` (empty where it cannot be told), `status` (current
        symbol, renamed, ambiguous, not found), `candidates`.

    Examples
    --------
    >>> aliases = pd.DataFrame({"alias": ["QARS", "QARS"], "symbol": ["QARS1", "EPRS1"]})
    >>> resolve(["QARS"], aliases)[["status", "candidates"]].values.tolist()
    [['ambiguous', 'EPRS1, QARS1']]
    """
    current = set(aliases["symbol"])
    by_alias = aliases.groupby("alias")["symbol"].agg(lambda found: sorted(set(found))).to_dict()
    rows = []
    for given in symbols:
        found = [given] if given in current else by_alias.get(given, [])
        status = {0: UNKNOWN, 1: RENAMED}.get(len(found), AMBIGUOUS)
        status = APPROVED if given in current else status
        rows.append([given, found[0] if len(found) == 1 else "", status, ", ".join(found)])
    return pd.DataFrame(rows, columns=["given", "symbol", "status", "candidates"])


def compare(wells: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """Compare the symbols of a screen with today's, by NCBI id.

    Parameters
    ----------
    wells : DataFrame
        `symbol`, `gene_id`, `pert_type` of every well, from `lib.jump.metadata.join`.
    genes : DataFrame
        From `network_genes`.

    Returns
    -------
    DataFrame
        One row per reagent's symbol that is not as in the network: `given`, `gene_id`, `symbol`,
        `status`, `n_wells`. Without id: not found.
    """
    treated = wells[wells["pert_type"] == "trt"]
    counted = treated.groupby(["symbol", "gene_id"], dropna=False).size().rename("n_wells")
    counted = counted.reset_index().rename(columns={"symbol": "given"})
    counted["symbol"] = counted["gene_id"].map(
        dict(zip(genes["gene_id"], genes["symbol"], strict=True))
    )
    renamed = counted["symbol"].notna() & (counted["symbol"] != counted["given"])
    # the network's symbol under another id, or under none: not joined, and said
    strayed = counted["given"].isin(genes["symbol"]) & counted["symbol"].isna()
    nameless = counted["given"].isna() | counted["gene_id"].isna()
    counted["status"] = UNKNOWN
    counted.loc[renamed, "status"] = RENAMED
    shown = counted[renamed | strayed | nameless]
    return shown[["given", "gene_id", "symbol", "status", "n_wells"]].reset_index(drop=True)
