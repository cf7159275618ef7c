"""The planted-truth screen: real file layout, known truth, same seed same bytes, killed and resumed
the same."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from lib.images import metadata
from lib.images.metadata_schema import FIELD_NAME
from lib.report import published
from lib.run import store
from lib.simulate import layout, phenotypes, rendering, screen
from lib.simulate import states as latent

DESIGN = screen.ScreenDesign(
    plates=(41754, 41749), sites=2, wells_per_gene=2, nuclei_per_field=8, side=192
)
SEED = 7


def rng(seed=0):
    return np.random.default_rng(seed)


def draw(n_genes=8, n_active=4, n_groups=2, **options):
    genes = latent.choose_genes(n_genes, n_active=n_active)
    return latent.states(genes, n_groups=n_groups, n_active=n_active, rng=rng(), **options)


def files(folder):
    return {
        str(path.relative_to(folder)): store.sha256(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


def write(folder, *, design=DESIGN, seed=SEED):
    return screen.write_screen(folder, design, draw(), seed=seed, executor="inline")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen")
    write(folder)
    return folder


@pytest.fixture(scope="module")
def fields(written):
    return metadata.read_metadata(written / screen.TABLE)


def test_genes_are_screened_ones_and_the_figures_genes_are_active_first():
    genes = latent.choose_genes(48, n_active=24)
    lists = published.gene_lists()
    assert genes[:6] == list(latent.FIRST) and len(set(genes)) == 48
    assert set(genes[:24]) <= set(lists["impactful_genes"]) and not set(genes[24:]) & set(
        lists["impactful_genes"]
    )
    assert set(latent.choose_genes(190, n_active=41)) == set(lists["over_expression_targets"])
    with pytest.raises(ValueError, match="41 active of 191 genes"):
        latent.choose_genes(191, n_active=41)


def test_inert_genes_are_at_the_control_state_and_groups_are_equal_and_apart():
    table = draw(48, 24, 6, effect=2.5, within_group=0.3)
    values = table[list(latent.DIMENSIONS)].to_numpy()
    assert (values[24:] == 0).all() and (table["group"][24:] == latent.INERT).all()
    assert table["group"][:24].value_counts().tolist() == [4] * 6
    centres = table[:24].groupby("group")[list(latent.DIMENSIONS)].mean().to_numpy()
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)[np.triu_indices(6, 1)]
    assert distances.min() > 2.5 and np.linalg.norm(values[:24], axis=1).mean() == pytest.approx(
        2.5, rel=0.1
    )


def test_no_deviation_means_identical_genes_of_a_group():
    table = draw(8, 4, 2, within_group=0.0)
    assert table[:4].groupby("group")[list(latent.DIMENSIONS)].nunique().eq(1).all(axis=None)


@pytest.mark.parametrize(("n_active", "n_groups"), [(2, 3), (9, 2), (4, 0)])
def test_numbers_that_do_not_fit_are_refused(n_active, n_groups):
    with pytest.raises(ValueError, match="do not fit"):
        latent.states(list("ABCDEFGH"), n_groups=n_groups, n_active=n_active, rng=rng())


def test_every_direction_of_regulation_shows():
    assert np.linalg.cond(phenotypes.LOADINGS) < 2
    assert (phenotypes.looks_of_states(np.zeros((3, 6))) == 0).all()


def test_one_standard_deviation_changes_looks_as_documented():
    looks = phenotypes.Looks()
    table = phenotypes.nuclei_looks(np.vstack([np.zeros(6), np.eye(6)]), looks, rng=rng())
    assert table["area"][1] == pytest.approx(800 * np.exp(0.22)) and table["axis_ratio"][
        0
    ] == pytest.approx(1.4)
    assert table["axis_ratio"][2] > 1.5 and table["spot_contrast"][3] == pytest.approx(
        0.35 * np.exp(0.35)
    )
    assert table["texture"][4] > 2.5 and table["intensity"][5] == pytest.approx(np.exp(0.22))


def nuclei(n, **values):
    table = phenotypes.nuclei_looks(np.zeros((n, 6)), phenotypes.Looks(), rng=rng())
    return table.assign(**values)


def test_placed_nuclei_do_not_touch_and_clumping_brings_them_together():
    nearest = []
    for clumping in (0.0, 1.0):
        placed = rendering.place_nuclei(nuclei(12), side=300, clumping=clumping, rng=rng(3))
        distances = np.hypot(
            *(
                placed[["row", "column"]].to_numpy()[:, None] - placed[["row", "column"]].to_numpy()
            ).T
        )
        np.fill_diagonal(distances, np.inf)
        assert len(placed) == 12 and distances.min() > 2 * placed["half_minor"].min()
        nearest.append(distances.min(axis=0).mean())
    assert nearest[1] < 0.8 * nearest[0]


def test_nuclei_without_room_are_left_out():
    assert len(rendering.place_nuclei(nuclei(40), side=64, clumping=0.5, rng=rng())) < 10


def one_nucleus(**values):
    place = {"row": 64.0, "column": 64.0, "half_major": 20.0, "half_minor": 12.0, "angle": 0.0}
    return nuclei(1, **place | values)


def render(table, psf=1.1, **options):
    return rendering.render_field(
        table, side=128, optics=rendering.Optics(), psf=psf, rng=rng(5), **options
    )


def test_a_nucleus_lies_where_and_as_it_was_put():
    image, mask = render(one_nucleus())
    assert image.dtype == mask.dtype == np.uint16 and image.shape == (128, 128)
    rows, columns = np.nonzero(mask)
    assert mask.sum() == pytest.approx(np.pi * 20 * 12, rel=0.15)
    assert rows.mean() == pytest.approx(64, abs=2) and np.ptp(columns) > 1.3 * np.ptp(rows)
    assert image[mask > 0].mean() > 5 * image[mask == 0].mean()
    turned = render(one_nucleus(angle=np.pi / 2))[1]
    assert np.ptp(np.nonzero(turned)[0]) > 1.3 * np.ptp(np.nonzero(turned)[1])


def test_brightness_blur_gain_and_ceiling():
    inside = render(one_nucleus())[1] > 0
    plain, bright = (render(one_nucleus(intensity=value))[0][inside].mean() for value in (1.0, 2.0))
    assert bright - 350 == pytest.approx(2 * (plain - 350), rel=0.05)
    sharp, blurred = (
        np.abs(np.diff(render(one_nucleus(), psf=psf)[0].astype(float))).max() for psf in (1.1, 5.0)
    )
    assert blurred < sharp / 2
    assert (render(one_nucleus(), gain=25.0)[0] == 65535).any()


def test_condensation_makes_spots_and_texture_scale_smooths():
    inside = render(one_nucleus())[1] > 0

    def roughness(**values):
        image = render(one_nucleus(n_spots=0, **values))[0].astype(float)
        return np.diff(image, axis=0)[inside[1:]].std() / image[inside].std()

    assert roughness(texture=1.2) > roughness(texture=4.0)
    pale, dotted = (
        render(one_nucleus(n_spots=n, spot_contrast=1.0))[0][inside].max() for n in (0, 20)
    )
    assert dotted > 1.2 * pale


def test_a_field_without_nuclei_is_background():
    image, mask = render(
        nuclei(1).iloc[:0].assign(row=[], column=[], half_major=[], half_minor=[], angle=[])
    )
    assert not mask.any() and 300 < image.mean() < 400


def test_files_lie_and_are_named_as_in_the_real_screen(written, fields):
    assert metadata.check_files(fields, written)[1]["n_excluded"] == 0
    assert (
        fields["image_file"].map(lambda name: bool(FIELD_NAME.match(name))).all()
        and fields["field"].is_unique
    )
    for row in fields.iloc[::10].itertuples():
        image, mask = (
            tifffile.imread(written / kind / str(row.plate) / row.field)
            for kind in (screen.IMAGES, screen.MASKS)
        )
        assert image.shape == mask.shape == (192, 192) and image.dtype == mask.dtype == np.uint16
        assert np.array_equal(np.unique(mask), np.arange(mask.max() + 1))


def test_the_table_has_the_real_columns_and_every_kind_of_field(written, fields):
    raw = pd.read_csv(written / screen.TABLE)
    assert len(raw.columns) == 24 and list(raw)[0] == "ImageNumber" and raw["ImageNumber"].is_unique
    assert set(fields["gene_symbol"]) == set(latent.choose_genes(8, n_active=4)) | set(
        metadata.CONTROLS
    )
    assert fields["is_blurry"].sum() >= 1 and fields["is_saturated"].sum() >= 1
    wells = fields.drop_duplicates(["plate", "well"])
    genes = wells[~wells["is_control"]]
    assert genes.groupby(["plate", "gene_symbol"]).size().eq(2).all()
    assert set(wells[wells["gene_symbol"] == "BRAF"]["allele"]) == {"WT.1", "V600E"}
    assert (wells["gene_symbol"] == "EMPTY").groupby(wells["plate"]).sum().ge(4).all()
    kept, row = metadata.outlier_filter(fields)
    assert "plate 41749" in row["reason"] and "41754/f01: 2" in row["reason"]


@pytest.mark.real
def test_types_are_those_of_the_published_table(written, real):
    ours = pd.read_csv(written / screen.TABLE)
    theirs = pd.read_csv(real / "data/rohban/metadata_image_data.csv")
    assert [name for name in ours if name in theirs] == [name for name in theirs]  # same order
    sparse = [
        "Image_Metadata_FlaggedForToxicity",
        "Image_Metadata_IntendedOrfMismatch",
    ]  # empty here
    number = {
        name: pd.api.types.is_numeric_dtype(theirs[name]) for name in theirs if name not in sparse
    }
    assert number == {name: pd.api.types.is_numeric_dtype(ours[name]) for name in number}
    for name in (
        "Image_Metadata_TimePoint_Hours",
        "Image_Metadata_Type",
        "Image_Metadata_RNAiVirusPlateName",
    ):
        assert set(ours[name]) == set(theirs[name])
    controls = metadata.CONTROLS[1:]
    ids = [
        table.groupby("Image_Metadata_GeneSymbol")["Image_Metadata_GeneID"].first()
        for table in (ours, theirs)
    ]
    assert (ids[0][list(controls)] == ids[1][list(controls)]).all()


def test_truth_tells_every_label(written, fields):
    genes, truth = screen.read_truth(written)
    pd.testing.assert_frame_equal(genes, draw(), check_exact=False, check_dtype=False)
    counts = truth[truth["kind"] != "debris"].groupby("field").size()
    assert (
        fields.set_index("field")["n_cellprofiler"] == counts.reindex(fields["field"]).fillna(0)
    ).all()
    name, rows = next(iter(truth.groupby("field")))
    mask = tifffile.imread(written / screen.MASKS / str(rows["plate"].iloc[0]) / name)
    assert np.bincount(mask.ravel())[1:].tolist() == rows["n_pixels"].tolist()
    inert = fields.loc[
        fields["gene_symbol"].isin([*genes.loc[~genes["is_active"], "gene"], "EMPTY"]), "field"
    ]
    assert not truth.loc[truth["field"].isin(inert), "is_infected"].any()
    active = fields.loc[fields["gene_symbol"].isin(genes.loc[genes["is_active"], "gene"]), "field"]
    assert (
        0.8
        < truth.loc[
            truth["field"].isin(active) & (truth["kind"] == "interphase"), "is_infected"
        ].mean()
        < 1
    )


def test_nuclei_follow_the_state_of_their_gene(written, fields):
    genes, truth = screen.read_truth(written)
    good = truth[(truth["kind"] == "interphase") & (truth["plate"] == 41754)]
    symbols = good["field"].map(fields.set_index("field")["gene_symbol"])
    drawn = np.log(good[["area", "intensity", "spot_contrast"]]).groupby(symbols).mean()
    drawn = (drawn - drawn.loc["EMPTY"]) / [0.22, 0.22, 0.35]  # in SD of single nuclei
    planted = phenotypes.looks_of_states(genes[list(latent.DIMENSIONS)].to_numpy())[:, [0, 4, 2]]
    assert np.corrcoef(drawn.loc[genes["gene"]].to_numpy().ravel(), planted.ravel())[0, 1] > 0.9


def test_most_nuclei_pass_the_paper_filter_and_debris_does_not(written):
    truth = screen.read_truth(written)[1]
    inside = truth[
        (truth["kind"] == "interphase")
        & truth["row"].between(40, 150)
        & truth["column"].between(40, 150)
    ]
    assert inside["n_pixels"].between(400, 4000).mean() > 0.85
    assert truth.loc[truth["kind"] == "debris", "n_pixels"].max() < 400


def test_same_seed_same_bytes_and_another_seed_other_names(written, tmp_path):
    write(tmp_path)
    assert files(tmp_path) == files(written)
    other = layout.layout(DESIGN, draw(), seed=SEED + 1)
    assert not set(other["stem"]) & {
        Path(name).name.removesuffix("_illum_corrected.tif") for name in files(written)
    }


def test_a_plate_is_the_same_whatever_other_plates_there_are():
    alone, both = (
        layout.layout(
            dataclasses.replace(DESIGN, plates=plates, blurry=0, saturated=0), draw(), seed=SEED
        )
        for plates in ((41754,), (41754, 41755))
    )
    both = both[both["Image_Metadata_Plate"] == 41754]
    pd.testing.assert_frame_equal(alone, both)


def test_killed_and_started_again_ends_in_the_same_bytes(written, tmp_path, monkeypatch):
    write_tiff, count = screen._write_tiff, iter(range(70))

    def dies(path, *args, **options):
        if next(count, None) is None:
            path.write_bytes(b"half a file")
            raise KeyboardInterrupt
        write_tiff(path, *args, **options)

    monkeypatch.setattr(screen, "_write_tiff", dies)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path)
    assert not (tmp_path / screen.TABLE).exists() and list(tmp_path.rglob("*.tif"))
    monkeypatch.undo()
    write(tmp_path)
    assert files(tmp_path) == files(written)
    next((tmp_path / screen.MASKS).rglob("*.tif")).unlink()
    write(tmp_path)
    assert files(tmp_path) == files(written)


def test_another_design_in_the_same_folder_leaves_nothing_of_the_old_one(written, tmp_path):
    write(tmp_path, design=dataclasses.replace(DESIGN, plates=(41754, 41755), sites=1), seed=1)
    write(tmp_path)
    assert files(tmp_path) == files(written)


def test_real_images_are_never_overwritten(tmp_path):
    (tmp_path / screen.IMAGES / "41744").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="choose another folder"):
        write(tmp_path)


def test_too_many_wells_are_refused():
    with pytest.raises(ValueError, match="do not fit on a plate of 384"):
        layout.layout(dataclasses.replace(DESIGN, wells_per_gene=8), draw(60, 4), seed=0)
