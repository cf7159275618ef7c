"""The published numbers of the imaging chapter agree with each other, and with the screen's real
table of images."""

import pandas as pd
import pytest

from lib.report import published

VALUES = {
    name: entry.value for name, entry in published.load().items() if name.startswith("imaging.")
}


def test_counts_of_nuclei_add_up():
    classes = {name: value for name, value in VALUES.items() if ".class_nuclei." in name}
    assert (
        len(classes) == 42
        and sum(classes.values()) == VALUES["imaging.splits.classes_nuclei"] == 154_866
    )
    genes = published.gene_lists()["impactful_genes"]
    assert {name.rsplit(".", 1)[1] for name in classes} == {
        gene.lower() for gene in [*genes, "EMPTY"]
    }
    empty = classes["imaging.class_nuclei.empty"]
    assert empty == max(classes.values()) == classes["imaging.class_nuclei.prkce"]
    assert VALUES["imaging.splits.classes_without_empty"] == 154_866 - empty
    assert VALUES["imaging.splits.loto_empty_train"] == pytest.approx(
        0.6 * (154_866 - empty), rel=0.001
    )
    controls = sum(
        VALUES[f"imaging.nuclei.{name}"] for name in ("empty", "lacz", "luciferase", "egfp")
    )
    assert VALUES["imaging.nuclei.genes"] + controls == VALUES["imaging.nuclei.all"] == 1_063_641
    assert VALUES["imaging.nuclei.genes_mean"] == pytest.approx(895_422 / 190, abs=0.005)
    assert VALUES["imaging.splits.casp8_nuclei"] == 2 * VALUES["imaging.nuclei.genes_min"]


def test_clusters_of_fig_2e_hold_the_41_genes():
    sizes = [int(size) for size in VALUES["imaging.clusters.sizes"].split(",")]
    assert (
        len(sizes) == VALUES["imaging.clusters.k"]
        and sum(sizes) == VALUES["imaging.screen.n_selected"]
    )
    large = [len(genes) for genes in published.gene_clusters("gene_perturbation_clusters").values()]
    assert [size for size in sizes if size > 1] == large
    assert set(VALUES["imaging.clusters.singletons"].split(", ")) == set(
        published.gene_lists()["gene_perturbation_singletons"]
    )


def test_chance_and_accuracy_agree_between_the_analyses():
    assert VALUES["imaging.classes.chance"] == pytest.approx(1 / 42, abs=5e-5)
    assert VALUES["imaging.classes.balanced_accuracy"] == VALUES["imaging.ablation.nucleus_region"]


@pytest.mark.real
def test_numbers_of_the_real_table(real):
    table = pd.read_csv(real / "data/rohban/metadata_image_data.csv", low_memory=False)
    table.columns = table.columns.str.replace("Image_", "").str.replace("Metadata_", "")
    flagged = table[["QCFlag_isBlurry", "QCFlag_isSaturated"]].any(axis=1)
    wells = table["Plate"].astype(str) + table["Well"]
    outliers = (table["Plate"] == 41749) | wells.isin(
        [*(f"41754{row}01" for row in "bcdef"), "41757e17"]
    )
    kept = table[~outliers]
    names = table["GeneSymbol"] + "_" + table["AlleleDesc"].astype(str)
    fields = kept["GeneSymbol"].value_counts()
    found = {
        "fields.all": len(table),
        "fields.flagged": flagged.sum(),
        "fields.without_outliers": len(kept),
        "wells.without_outliers": wells[~outliers].nunique(),
        "fields.kept": (~outliers & ~flagged).sum(),
        "cellprofiler.nuclei": kept["Count_Nuclei"].sum(),
        "symbols": kept["GeneSymbol"].nunique(),
        "fields.typical_gene": fields.mode().item(),
        "alleles": names.nunique(),
        "alleles.cut": names.str[:10].nunique(),
    } | {
        f"fields.{name.lower()}": fields[name]
        for name in ("EMPTY", "LacZ", "CREB1", "SMAD4", "XIAP", "MAPK1")
    }
    assert found == {name: VALUES[f"imaging.{name}"] for name in found}
