"""The interactome as one interactive page: data and script lie inside the file."""

import json
import os
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup

from lib.interactome.network_plots import KINDS, kinds
from lib.run import store

TEMPLATE = Path(__file__).with_name("interactive.html")


def write_page(
    path: str | os.PathLike, placed: pd.DataFrame, edges: pd.DataFrame, *, title: str, caption: str
) -> Path:
    """Write the interactome as a page with pan, zoom, search and the neighbours of a gene.

    It opens from disk and loads nothing.

    Parameters
    ----------
    path : path
        `.html`; a relative one is taken from the project root.
    placed : DataFrame
        Nodes with `gene`, `prize`, `degree`, `module`, `is_regulator`, `is_orf_target`, `x`, `y`.
    edges : DataFrame
        `gene_a`, `gene_b`, `cost_spearman`, `in_tree`.
    title, caption : str
        Shown on the page.

    Returns
    -------
    Path
        The absolute path.
    """
    page = jinja2.Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
    return store.write_text(
        path, page.render(title=title, caption=caption, data=_embedded(placed, edges)) + "\n"
    )


def _embedded(placed: pd.DataFrame, edges: pd.DataFrame) -> Markup:
    """Return nodes and edges as JSON that is safe inside a script element."""
    columns = placed.assign(kind=kinds(placed))[
        ["gene", "kind", "prize", "degree", "module", "x", "y"]
    ]
    # edges refer to nodes by position
    place = {gene: number for number, gene in enumerate(placed["gene"])}
    lines = zip(
        edges["gene_a"], edges["gene_b"], edges["cost_spearman"], edges["in_tree"], strict=True
    )
    content = {
        "nodes": columns.round({"prize": 4, "x": 5, "y": 5}).to_dict("records"),
        "edges": [
            {"a": place[a], "b": place[b], "cost": round(float(cost), 4), "tree": bool(tree)}
            for a, b, cost, tree in lines
        ],
        "colours": KINDS,
    }
    # an escaped `<` cannot close the script element
    return Markup(json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"))
