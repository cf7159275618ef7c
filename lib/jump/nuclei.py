"""The table of JUMP's nuclei: batch and ORF of each, and its geometry."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from lib.images import nuclei, plates

FIRST = ("source", "batch", "plate", "well", "site", "image_file", "gene_symbol")
"""Columns that the published table begins with."""


def collect(stores: Mapping[str, Path], fields: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return the nuclei of all plates with the batch and the ORF of their well.

    The published table lies in one folder per batch; here a plate has a store of its own.

    Parameters
    ----------
    stores : mapping of str to Path
        Plate → store, from `lib.images.extraction.extract_screen`.
    fields : DataFrame
        From `lib.jump.load_data.fields`.
    seed : int
        Of the mixture of aspect ratios.

    Returns
    -------
    DataFrame
        One row per nucleus: `FIRST`, `reagent`, the published geometry, and what
        `lib.images.nuclei.EXTRA` adds.

    References
    ----------
    Image2Reg, `ImageJUMPDatasetPreprocessor`.
    """
    table = plates.collect(stores, seed=seed)
    added = fields[["field", "source", "batch", "reagent"]]
    table = table.merge(
        added.rename(columns={"field": "slide_image_name"}), on="slide_image_name", validate="m:1"
    )
    geometry = [name for name in (*nuclei.GEOMETRY, *nuclei.EXTRA) if name in table]
    return table[[*FIRST, "reagent", *geometry]]
