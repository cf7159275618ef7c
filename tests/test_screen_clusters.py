"""Clusters of conditions: cuts by hand, planted groups, other groupings of the genes, and the way
to GO."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from sklearn.metrics import mutual_info_score

from lib.data.errors import InputError
from lib.report import gene_lists
from lib.run import store
from lib.screen import clusters


def means(points, names=None):
    points = np.asarray(points, np.float32)
    names = names or [f"G{i}" for i in range(len(points))]
    return AnnData(points, obs=pd.DataFrame(index=pd.Index(names, name="gene_symbol")))


def planted(rng, *, n_groups=6, size=6, spread=0.3):
    centres = rng.normal(size=(n_groups, 20))
    groups = np.repeat(np.arange(n_groups), size)
    order = rng.permutation(len(groups))
    points = centres[groups] + spread * rng.normal(size=(len(groups), 20))
    found = means(points[order])
    return found, dict(zip(found.obs_names, groups[order].astype(str), strict=True))


LINE = means([[0], [1], [10], [11], [30]], ["JUN", "ERG", "SRC", "RELB", "HRAS"])


# clusters
# ------------------------------------------------------------------------------------------


def test_complete_linkage_by_hand():
    """Complete linkage joins clusters at the largest distance: 1, 1, 11, 30."""
    assert clusters.linkage(LINE)[:, 2].tolist() == [1, 1, 11, 30]
    assert clusters.distance_table(LINE).loc["JUN", "RELB"] == 11
    with pytest.raises(InputError, match="2 conditions cannot be clustered"):
        clusters.linkage(LINE[:2])


def test_clusters_are_numbered_along_the_dendrogram():
    table = clusters.assign(LINE, k=3)
    groups = {frozenset(rows["gene"]) for _, rows in table.groupby("cluster")}
    assert groups == {frozenset({"JUN", "ERG"}), frozenset({"SRC", "RELB"}), frozenset({"HRAS"})}
    assert table["cluster"].is_monotonic_increasing and set(table["cluster"]) == {1, 2, 3}
    with pytest.raises(InputError, match="k is 6; 5 conditions can be cut into 1 to 5"):
        clusters.assign(LINE, k=6)


def test_order_of_conditions_changes_no_cluster():
    found, _ = planted(np.random.default_rng(0))
    shuffled = found[np.random.default_rng(1).permutation(found.n_obs)].copy()
    first = clusters.assign(found, k=6).set_index("gene")["cluster"]
    second = clusters.assign(shuffled, k=6).set_index("gene")["cluster"]
    assert clusters.agreement(first.reset_index(), second.astype(str).to_dict()) == 1


def test_planted_groups_come_back_and_k_with_them():
    found, groups = planted(np.random.default_rng(0))
    table = clusters.curves(found)
    assert list(table["k"]) == list(range(2, 21))
    assert clusters.choose_k(table) == 6 == clusters.choose_k(table, rule="silhouette")
    assert clusters.agreement(clusters.assign(found, k=6), groups) == 1
    assert (
        abs(
            clusters.agreement(
                clusters.assign(found, k=6), dict(zip(groups, sorted(groups.values()), strict=True))
            )
        )
        < 0.2
    )


def test_choice_of_k_is_bounded_and_checked():
    table = clusters.curves(LINE)
    assert list(table["k"]) == [2, 3, 4] and clusters.choose_k(table, k_min=4) == 4
    with pytest.raises(InputError, match="no cut into 5 clusters or more; k runs to 4"):
        clusters.choose_k(table, k_min=5)
    with pytest.raises(InputError, match="choose calinski_harabasz or silhouette"):
        clusters.choose_k(table, rule="gap")


def test_the_table_feeds_the_go_notebook_without_singletons(tmp_path):
    large, small = clusters.split_by_size(clusters.assign(LINE, k=3))
    path = store.write_table(tmp_path / "clusters.csv", large)
    assert sorted(map(sorted, gene_lists.clusters(path, default="").values())) == [
        ["ERG", "JUN"],
        ["RELB", "SRC"],
    ]
    assert small["gene"].tolist() == ["HRAS"] and not set(small["cluster"]) & set(large["cluster"])


def test_ari_needs_known_groups():
    with pytest.raises(InputError, match="0 clustered genes have a known group"):
        clusters.agreement(clusters.assign(LINE, k=2), {"TP53": "a"})


# two clusterings
# ------------------------------------------------------------------------------------------


def test_mutual_information_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, 41), rng.integers(0, 7, 41)
    found = clusters.co_clustering(first, second, n_permutations=10, rng=rng)
    assert found.mutual_information == pytest.approx(mutual_info_score(first, second))
    assert clusters.co_clustering(
        list("aabb"), [1, 1, 2, 2], n_permutations=1, rng=rng
    ).mutual_information == (pytest.approx(np.log(2)))


def test_p_is_small_for_the_same_clustering_and_uniform_for_unrelated_ones():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, 41)
    assert clusters.co_clustering(labels, labels, n_permutations=200, rng=rng).p == pytest.approx(
        1 / 201
    )
    p = [
        clusters.co_clustering(labels, rng.permutation(labels), n_permutations=99, rng=rng).p
        for _ in range(200)
    ]
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=0.06)
    with pytest.raises(InputError, match="have 41 and 40 genes"):
        clusters.co_clustering(labels, labels[1:], rng=rng)


def test_grid_takes_shared_genes_and_one_set_of_permutations():
    rng = np.random.default_rng(0)
    found, _ = planted(rng)
    other = means(found.X[2:] + 0.01, list(found.obs_names[2:]))
    table = clusters.co_clustering_grid(found, other, range(2, 9), n_permutations=50, rng=rng)
    assert len(table) == 49 and (table["p"] >= 1 / 51).all()
    assert table.query("k_first == 6 and k_second == 6")["p"].item() == pytest.approx(1 / 51)
    with pytest.raises(InputError, match="share 0 genes"):
        clusters.co_clustering_grid(found, LINE, [2], rng=rng)
