"""The data sets of the paper: which signatures are in SMP, GP, SMGP and those derived."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

SMP_CELLS = ("A375", "HA1E", "HELA", "HT29", "MCF7", "PC3", "YAPC")
GP_CELLS = ("A375", "A549", "HA1E", "HCC515", "HEPG2", "HT29", "MCF7", "PC3", "VCAP")
PROTEASOME = ("MG-132", "bortezomib")  # so strong that the paper leaves them out of the joint set
WEAK = (
    "CP_EGFR_INHIBITOR",
    "CP_PDGFR_KIT_INHIBITOR",
    "CP_PARP_INHIBITOR",
    "CP_PPAR_RECEPTOR_AGONIST",
    "CP_DOPAMINE_RECEPTOR_ANTAGONIST",
)  # classes left out of the smaller classification
CONTROLS = (
    "ctl_vehicle",
    "ctl_vector",
    "ctl_untrt",
    "ctl_vehicle.cns",
    "ctl_vector.cns",
    "ctl_untrt.cns",
)


def derive(
    small: pd.DataFrame, genetic: pd.DataFrame, classes: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return the tables of the paper's data sets, by name.

    | set   | rule                                                                     |
    |-------|--------------------------------------------------------------------------|
    | SMP   | small molecules in seven cell lines                                      |
    | GP    | genetic perturbations in nine cell lines                                 |
    | SMNP  | SMP without MG-132 and bortezomib                                        |
    | SMGP  | SMNP, then GP                                                            |
    | SMC   | SMP with a perturbagen class, column `pcl`                               |
    | SMCNP | SMC without MG-132                                                       |

    No signature is left out for its type, dose, time or quality, as published, so controls stay in;
    `is_control` tells them.

    Parameters
    ----------
    small, genetic : DataFrame
        From `tables.read_signatures`.
    classes : DataFrame
        `pert_id`, `pcl` from `lists.read_classes`; an id in two classes gives two rows.
    """
    smp = small[small["cell_id"].isin(SMP_CELLS)].reset_index(drop=True)
    gp = genetic[genetic["cell_id"].isin(GP_CELLS)].reset_index(drop=True)
    smnp = smp[~smp["pert_iname"].isin(PROTEASOME)].reset_index(drop=True)
    smc = smp.merge(classes[["pert_id", "pcl"]], on="pert_id", how="inner", sort=False)
    return {
        "SMP": smp,
        "GP": gp,
        "SMNP": smnp,
        "SMGP": pd.concat([smnp, gp], ignore_index=True),
        "SMC": smc,
        "SMCNP": smc[smc["pert_iname"] != PROTEASOME[0]].reset_index(drop=True),
    }


def major_classes(
    smc: pd.DataFrame, *, least: int = 150, without: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Return the signatures of classes with at least `least` of them (paper: 150, or 100 without
    five weak ones).

    Parameters
    ----------
    smc : DataFrame
        With `pcl`.
    least : int
    without : tuple of str
        Classes left out.
    """
    sizes = smc["pcl"].value_counts()
    kept = sizes.index[(sizes >= least) & ~sizes.index.isin(without)]
    return smc[smc["pcl"].isin(kept)].reset_index(drop=True)


def is_control(table: pd.DataFrame) -> np.ndarray:
    """Return which signatures are of vehicles and empty vectors, (n,).

    The paper treats them as perturbations, so that they count among the genes that can outrank a
    target.
    """
    return table["pert_type"].isin(CONTROLS).to_numpy()


def counts(derived: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per data set: `signatures`, `pert_ids`, `names`, `classes` (0 where it has
    none).

    Parameters
    ----------
    derived : mapping
        From `derive`.
    """
    rows = [
        {
            "set": name,
            "signatures": len(table),
            "pert_ids": table["pert_id"].nunique(),
            "names": table["pert_iname"].nunique(),
            "classes": table["pcl"].nunique() if "pcl" in table else 0,
        }
        for name, table in derived.items()
    ]
    return pd.DataFrame(rows)
