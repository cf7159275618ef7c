"""Fields: what is refused, the 8-bit scaling, and region windows against Pillow."""

import warnings

import numpy as np
import pytest
import tifffile
import toy_fields
from PIL import Image

from lib.images import fields
from lib.images.fields import EmptyMask, ImageError, read_field


@pytest.fixture
def pair(tmp_path):
    image, labels = toy_fields.field()
    tifffile.imwrite(tmp_path / "field.tif", image)
    tifffile.imwrite(tmp_path / "mask.tif", labels)
    return tmp_path / "field.tif", tmp_path / "mask.tif"


def test_field_and_mask_are_read_as_they_are(pair):
    image, labels = toy_fields.field()
    field = read_field(*pair)
    np.testing.assert_array_equal(field.image, image)
    np.testing.assert_array_equal(field.labels, labels)
    assert (
        field.image.dtype == np.uint16 and field.labels.dtype == np.int32 and field.path == pair[0]
    )
    assert read_field(pair[0]).labels is None


def test_plane_in_a_stack_of_one_is_a_plane(tmp_path):
    tifffile.imwrite(tmp_path / "one.tif", np.ones((1, 9, 7), np.uint16))
    assert read_field(tmp_path / "one.tif").image.shape == (9, 7)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((20, 20), np.float32), "type float32, expected uint8 or uint16"),
        (np.zeros((20, 20, 3), np.uint8), "RGB image"),
        (np.zeros((5, 20, 20), np.uint16), r"shape \(5, 20, 20\), expected \(rows, columns\)"),
    ],
)
def test_images_of_another_kind_are_refused(tmp_path, content, message):
    tifffile.imwrite(tmp_path / "odd.tif", content)
    with pytest.raises(ImageError, match=rf"odd\.tif: field .*{message}"):
        read_field(tmp_path / "odd.tif")


@pytest.mark.parametrize("keep", [0, 4, 60, 0.5, 0.99])
def test_truncated_files_are_refused(pair, keep):
    whole = pair[0].read_bytes()
    pair[0].write_bytes(whole[: int(keep * len(whole)) if keep < 1 else keep])
    with pytest.raises(
        ImageError, match=r"field\.tif: field is not a whole TIFF .*copy or convert it again"
    ):
        read_field(pair[0])


def test_text_under_the_name_of_a_tiff_and_absent_files_are_refused(pair, tmp_path):
    pair[0].write_text("<html>404</html>")
    with pytest.raises(ImageError, match="not a whole TIFF"):
        read_field(pair[0])
    with pytest.raises(ImageError, match="nowhere.tif: field is missing"):
        read_field(tmp_path / "nowhere.tif")


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones((10, 12), np.uint16), ImageError, r"mask is \(10, 12\), its field \(240, 240\)"),
        (np.ones((240, 240), np.float32), ImageError, "type float32, expected integer labels"),
        (np.zeros((240, 240), np.uint16), EmptyMask, "no object"),
        (-np.ones((240, 240), np.int16), ImageError, "labels below 0"),
        (
            np.eye(240, dtype=np.uint8)[:, ::-1]
            * np.arange(240, dtype=np.uint8)[:, None]
            // 200
            * 255,
            None,
            "",
        ),
        (
            np.kron(np.eye(8, dtype=np.uint8), np.pad(np.full((20, 20), 255, np.uint8), 5)),
            ImageError,
            "8 pieces, so",
        ),
    ],
)
def test_masks_are_checked(pair, mask, error, message):
    tifffile.imwrite(pair[1], mask)
    if error is None:  # one object of one value is a label image
        assert read_field(*pair).labels.max() == 255
        return
    with pytest.raises(error, match=rf"mask\.tif: .*{message}") as caught:
        read_field(*pair)
    assert "\n" not in str(caught.value)


def test_field_without_its_mask_names_the_mask(pair):
    pair[1].unlink()
    with pytest.raises(ImageError, match=r"mask\.tif: field has no mask"):
        read_field(*pair)


@pytest.mark.parametrize("seed", range(4))
def test_percentiles_from_counts_equal_those_of_numpy(seed):
    values = np.random.default_rng(seed).gamma(2, 700, 1001 + seed).astype(np.uint16)
    counts = np.bincount(values)
    for percent in (0, 0.1, 1, 37.3, 50, 99.9, 100):
        assert fields._percentile(counts, percent) == np.percentile(values, percent)


def test_reference_scaling_is_the_published_formula():
    image = toy_fields.field()[0]
    low, high = np.percentile(image, [0.1, 99.9])
    plain = (255 * np.clip((image - low) / high, 0, 1)).astype(np.uint8)
    np.testing.assert_array_equal(fields.eight_bit(image, scaling="reference"), plain)
    by_range = (255 * np.clip((image - low) / (high - low), 0, 1)).astype(np.uint8)
    np.testing.assert_array_equal(fields.eight_bit(image), by_range)
    assert by_range.max() == 255 > plain.max()  # the reference does not reach white


def test_dark_fields_become_binary_in_the_reference_alone():
    image = np.random.default_rng(0).integers(0, 200, (100, 100)).astype(np.uint16)
    np.testing.assert_array_equal(
        fields.eight_bit(image, scaling="reference"), image
    )  # no value above 255
    image[0, 0] = 1000
    assert set(np.unique(fields.eight_bit(image, scaling="reference"))) == {0, 255}
    assert len(np.unique(fields.eight_bit(image))) > 100


def test_constant_and_8_bit_fields_and_unknown_scaling():
    assert not fields.eight_bit(np.full((5, 5), 900, np.uint16)).any()
    image = np.arange(25, dtype=np.uint8).reshape(5, 5)
    assert fields.eight_bit(image) is image
    with pytest.raises(ImageError, match="'minmax' is unknown"):
        fields.eight_bit(image, scaling="minmax")


def test_regions_equal_the_published_steps_nucleus_by_nucleus():
    """Pad by the window with the 1st percentile, cut at int(centroid) + window // 2, resize with
    Pillow."""
    field = fields.eight_bit(toy_fields.field()[0])
    centroids = np.array([[0.0, 0.0], [3.9, 120.2], [239.9, 239.4], [100.5, 7.999]])
    window, size = 112, 56
    fill = np.percentile(field, 1)
    padded = np.pad(field, window, constant_values=int(fill))
    for centre, region in zip(
        centroids, fields.region_windows(field, centroids, window=window, size=size), strict=True
    ):
        row, column = (int(place) + window // 2 for place in centre)
        plain = Image.fromarray(padded[row : row + window, column : column + window])
        np.testing.assert_array_equal(
            region, np.asarray(plain.resize((size, size), Image.Resampling.BILINEAR))
        )


def test_windows_without_resizing_hold_the_nucleus_in_the_middle():
    field = np.zeros((50, 60), np.uint8)
    field[20, 31] = 200
    regions = fields.region_windows(field, [[20.7, 31.2]] * 130, window=16, size=16)
    assert regions.shape == (130, 16, 16) and (regions[:, 8, 8] == 200).all()
    assert fields.region_windows(field, np.empty((0, 2)), window=16, size=8).shape == (0, 8, 8)


@pytest.mark.real
def test_real_images_of_every_source_are_read(real):
    nuclei = real / "data/nuclei"
    shapes = {
        "cellprofiler_examples/ExampleFly/images/01_POS002_D.TIF": (1006, 1000),
        "cellprofiler_examples/ExampleHuman/images/AS_09125_050116030001_D03f00d0.tif": (512, 512),
        "nf1_cellpainting/B7_01_1_3_DAPI_001.tif": (904, 1224),
        "pediatric_atlas_BR00143976/r03c03f03p01-ch5sk1fk1fl1.tiff": (1080, 1080),  # LZW
        "stardist/img2d.tif": (512, 512),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, shape in shapes.items():
            assert read_field(nuclei / name).image.shape == shape
    with pytest.raises(ImageError, match="shape"):
        read_field(nuclei / "stardist/img3d.tif")
    with pytest.raises(ImageError, match="RGB"):
        read_field(nuclei / "pediatric_atlas_BR00143976/NucleiOutlines_BR00143976_C03_3.tiff")
    image, mask = (
        nuclei / "nf1_cellpainting/B7_01_1_3_DAPI_001.tif",
        "B7_01_1_3_DAPI_001_MaskNuclei.tiff",
    )
    with pytest.raises(ImageError, match="28 pieces, so it is binary"):
        read_field(image, image.with_name(mask))
