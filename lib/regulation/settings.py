"""Settings of the paper: weights of the loss, and whose clusters the regulatory embeddings are to
tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from lib.data.errors import InputError


@dataclass(frozen=True)
class LabelSource:
    """Where the clusters of genes come from.

    Parameters
    ----------
    what : str
        In words.
    is_leaky : bool
        The left-out target has its own label while the embedding is trained, so a translation to it
        is not blind.
    depends_on_target : bool
        Each left-out target has labels of its own.
    """

    what: str
    is_leaky: bool
    depends_on_target: bool


SOURCES = {
    "physical": LabelSource("gene-perturbation clusters without the target", False, True),
    "physical_full": LabelSource("gene-perturbation clusters with the target", True, True),
    "cmap": LabelSource("CMap clusters of the regulators without the target", False, True),
    "cmap_full": LabelSource("CMap clusters of the regulators", True, False),
    "cmap_full_all_nodes": LabelSource(
        "CMap clusters of all genes of the network with a signature", True, False
    ),
    "none": LabelSource("no clusters", False, False),
}
"""Label sources when a target is left out (spec of the published code: `cluster_opt`)."""


@dataclass(frozen=True)
class Setting:
    """A setting of the paper's grid.

    Parameters
    ----------
    alpha, beta, gamma : float
        Weights of links, features and clusters in the loss.
    labels : str
        Name in `SOURCES`.
    """

    alpha: float
    beta: float
    gamma: float
    labels: str

    @property
    def source(self) -> LabelSource:
        return SOURCES[self.labels]

    @property
    def weights(self) -> dict[str, float]:
        return {"alpha": self.alpha, "beta": self.beta, "gamma": self.gamma}


MAIN = {
    "physical": Setting(1, 0, 1, "physical"),
    "cmap_full_all_nodes": Setting(1, 0, 1, "cmap_full_all_nodes"),
    "physical_full": Setting(1, 0, 1, "physical_full"),
    "no_cluster_loss": Setting(1, 0, 0, "none"),
}
OTHERS = {
    "cmap": Setting(1, 0, 1, "cmap"),
    "cmap_full": Setting(1, 0, 1, "cmap_full"),
    "a0_b0_g1": Setting(0, 0, 1, "physical"),
    "a1_b1_g1": Setting(1, 1, 1, "physical"),
    "a1_b0_g2": Setting(1, 0, 2, "physical"),
    "a1_b0_g5": Setting(1, 0, 5, "physical"),
    "a1_b2_g1": Setting(1, 2, 1, "physical"),
    "a1_b5_g1": Setting(1, 5, 1, "physical"),
}
SETTINGS = MAIN | OTHERS
"""The twelve settings of the paper's grid, those of Fig 4B and its supplements first."""


def chosen(names: Sequence[str]) -> dict[str, Setting]:
    """Return the settings of these names, in this order.

    Parameters
    ----------
    names : sequence of str
        Keys of `SETTINGS`.

    Returns
    -------
    dict of str to Setting

    Raises
    ------
    InputError
        For an unknown or repeated name, or none.
    """
    unknown = [name for name in names if name not in SETTINGS]
    if unknown or not names or len(set(names)) < len(names):
        problem = (
            f"{unknown[0]!r} is unknown"
            if unknown
            else "a name is given twice"
            if names
            else "none is given"
        )
        raise InputError(f"settings: {problem}; choose from {', '.join(SETTINGS)}")
    return {name: SETTINGS[name] for name in names}
