"""Every picture is decoded to upright RGB, whatever its format, colours, range or damage."""

import contextlib
import io
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from core.errors import PhotoUnreadable
from tests.fakes.photo_files import HALVES, read, save

# Pillow says twice what it thinks of damaged metadata.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(tmp_path, kind, orientation):
    upright = np.zeros((40, 60, 3), dtype=np.uint8)
    upright[:20, :30] = 250  # the upper left quarter
    undo = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation]))

    loaded = read(save(tmp_path / f"a.{kind}", stored, exif=exif))

    assert loaded.pixels.shape == (40, 60, 3)
    assert (loaded.photo.width_px, loaded.photo.height_px) == (60, 40)
    assert loaded.pixels[4:16, 4:26].min() > 200
    assert loaded.pixels[24:, 34:].max() < 50


def test_an_orientation_that_does_not_exist_is_left_alone(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 77

    assert read(save(tmp_path / "a.jpg", Image.fromarray(HALVES), exif=exif)).pixels.shape == (40, 60, 3)


def test_broken_exif_costs_the_time_and_not_the_photo(tmp_path):
    content = io.BytesIO()
    Image.fromarray(HALVES).save(content, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xfe" * 30)
    (tmp_path / "a.jpg").write_bytes(content.getvalue())

    loaded = read(tmp_path / "a.jpg")

    assert loaded.pixels.shape == (40, 60, 3)
    assert loaded.photo.captured_at is None


def grey_ramp(top: int) -> np.ndarray:
    return np.tile(np.linspace(0, top, 60), (40, 1))


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("cmyk.jpg", Image.fromarray(HALVES).convert("CMYK")),
        ("grey.jpg", Image.fromarray(HALVES).convert("L")),
        ("palette.png", Image.fromarray(HALVES).quantize(8)),
        ("bits.png", Image.fromarray(HALVES).convert("1")),
        ("lossy.webp", Image.fromarray(HALVES)),
        ("lab.tif", Image.fromarray(HALVES).convert("YCbCr")),
    ],
)
def test_other_colours_become_rgb(tmp_path, name, picture):
    pixels = read(save(tmp_path / name, picture)).pixels

    assert pixels.shape == (40, 60, 3)
    wanted = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(pixels.astype(int) - wanted).mean() < 12


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("16.png", grey_ramp(65_535).astype(np.uint16)),
        ("16.tif", grey_ramp(65_535).astype(np.uint16)),
        ("32.tif", grey_ramp(65_535).astype(np.int32)),
        ("wide.tif", (grey_ramp(3_000_000) - 1_000_000).astype(np.int32)),
        ("share.tif", grey_ramp(1).astype(np.float32)),
        ("degrees.tif", (grey_ramp(45) - 5).astype(np.float32)),
    ],
)
def test_16_bits_and_more_are_scaled_and_not_clipped(tmp_path, name, values):
    pixels = read(save(tmp_path / name, Image.fromarray(values))).pixels

    assert np.abs(pixels[0, :, 0].astype(int) - np.linspace(0, 255, 60)).max() <= 1
    assert (pixels[:, :, 0] == pixels[:, :, 2]).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
@pytest.mark.parametrize("dead", [False, True])
def test_a_thermal_picture_that_uses_a_small_part_of_16_bits_is_stretched(tmp_path, dtype, dead):
    values = 7_400 + grey_ramp(800)
    if dead:  # a few pixels outside of what the sensor can measure
        values[0, 0], values[-1, -1] = 0, 16_383
    path = save(tmp_path / "flir.tif", Image.fromarray(values.astype(dtype)))

    grey = read(path).pixels[20, :, 0].astype(int)

    assert np.abs(grey - np.linspace(0, 255, 60)).max() <= 2


def test_the_noise_of_a_covered_lens_is_not_made_a_picture(tmp_path):
    noise = 7_400 + np.random.default_rng(0).integers(0, 6, (40, 60))

    pixels = read(save(tmp_path / "flir.tif", Image.fromarray(noise.astype(np.uint16)))).pixels

    assert int(np.ptp(pixels)) < 20


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_neutral_grey(tmp_path, mode):
    picture = Image.fromarray(HALVES).convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 30, 40))
    options = {"transparency": 0} if mode == "P" else {}
    if mode == "P":
        picture = Image.fromarray(np.repeat(np.uint8([0, 1]), 30)[None].repeat(40, 0), "P")
        picture.putpalette([0, 0, 0, 40, 40, 200])
    path = save(tmp_path / "a.png", picture.convert(mode), **options)

    pixels = read(path).pixels

    assert (pixels[20, 10] == 127).all()
    assert not (pixels[20, 50] == 127).any()


@pytest.mark.parametrize("name", ["a.webp", "a.tif", "a.png"])
def test_of_several_pages_or_frames_the_first_is_read_and_that_is_said(tmp_path, name):
    first, second = Image.fromarray(HALVES), Image.fromarray(255 - HALVES)
    path = save(tmp_path / name, first, save_all=True, append_images=[second])

    loaded = read(path)

    assert loaded.pixels[20, 10, 0] > 150
    assert "the first is used" in loaded.photo.note


def test_a_gif_or_bmp_with_a_wrong_extension_is_read(tmp_path):
    for kind in ("GIF", "BMP"):
        assert read(save(tmp_path / "a.jpg", Image.fromarray(HALVES), format=kind)).pixels.shape == (40, 60, 3)


def jpeg(*, noise: bool = True, **options) -> bytes:
    pixels = np.random.default_rng(3).integers(0, 255, (200, 300, 3), dtype=np.uint8) if noise else HALVES
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", **options)
    return content.getvalue()


def test_a_cut_jpeg_is_read_as_far_as_it_goes_and_says_so(tmp_path):
    whole = jpeg()
    (tmp_path / "whole.jpg").write_bytes(whole)
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])

    cut, all_of_it = read(tmp_path / "cut.jpg"), read(tmp_path / "whole.jpg")

    assert "truncated: the file ends early, its last" in cut.photo.note
    share = int(cut.photo.note.rpartition("last ")[2].partition("%")[0])
    assert 35 < share < 65
    assert (cut.pixels[:80] == all_of_it.pixels[:80]).all()
    assert all_of_it.photo.note == ""


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_cut_anywhere_is_read_or_named(tmp_path, progressive):
    whole = jpeg(progressive=progressive, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")
    outcomes = set()
    for length in [*range(1, 700, 9), *range(700, len(whole), 2_999), len(whole) - 2, len(whole) - 1]:
        (tmp_path / "cut.jpg").write_bytes(whole[:length])
        try:
            loaded = read(tmp_path / "cut.jpg")
        except PhotoUnreadable:
            outcomes.add("refused")
        else:
            outcomes.add("read")
            assert "truncated" in loaded.photo.note
    assert outcomes == {"read", "refused"}


def test_bytes_after_the_end_of_a_jpeg_are_not_damage(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg() + b"maker's notes" * 50)

    assert read(tmp_path / "a.jpg").photo.note == ""


def test_the_end_of_the_thumbnail_is_not_taken_for_the_end_of_the_photo(tmp_path):
    whole = jpeg(exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0" + b"\xff\xd8 thumbnail \xff\xd9")
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) * 3 // 4])

    assert "truncated" in read(tmp_path / "a.jpg").photo.note


def test_a_cut_jpeg_is_noted_also_when_another_library_told_pillow_to_accept_it(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(jpeg()[:20_000])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)

    assert "truncated" in read(tmp_path / "a.jpg").photo.note


def test_reading_cut_photos_leaves_pillow_strict_for_others(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg()[:20_000])
    seen = []

    def look() -> None:
        for _ in range(20):
            read(tmp_path / "a.jpg")
            seen.append(ImageFile.LOAD_TRUNCATED_IMAGES)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [False] * 60


def test_a_cut_png_is_read_as_far_as_it_goes(tmp_path):
    content = io.BytesIO()
    pixels = np.random.default_rng(3).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(content, "PNG")
    (tmp_path / "a.png").write_bytes(content.getvalue()[: len(content.getvalue()) // 2])

    loaded = read(tmp_path / "a.png")

    assert "truncated" in loaded.photo.note
    assert (loaded.pixels[:50] == pixels[:50]).all()


def png_claiming(width: int, height: int) -> bytes:
    content = io.BytesIO()
    Image.new("L", (1, 1)).save(content, "PNG")
    data = bytearray(content.getvalue())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.jpg", b"", "empty"),
        ("zeros.jpg", bytes(5000), "contains only zeros"),
        ("text.jpg", b"<html>not found</html>", "not a picture"),
        ("film.jpg", b"\0\0\0\x18ftypmp42" + bytes(50), "video or a HEIC"),
        ("header.jpg", b"\xff\xd8\xff\xe0", "cannot be opened"),
        ("junk.jpg", b"\xff\xd8\xff" + bytes(range(256)) * 4, "cannot be opened"),
        ("junk.png", b"\x89PNG\r\n\x1a\n" + b"junk" * 20, "cannot be opened"),
        ("junk.webp", b"RIFF\x10\0\0\0WEBPVP8 junkjunk", "cannot be opened"),
        ("junk.tif", b"II*\0\xff\xff\xff\xff", "cannot be opened"),
        ("bomb.png", png_claiming(60_000, 60_000), "3600 megapixels; the setting max_megapixels allows 50"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_plain_reason(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(PhotoUnreadable, match=said):
        read(tmp_path / name)


def test_a_picture_as_large_as_allowed_is_read_without_pillows_own_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    assert read(save(tmp_path / "a.png", Image.fromarray(HALVES)), max_megapixels=1.0).pixels.shape == (40, 60, 3)


def test_random_damage_never_ends_in_another_error(tmp_path):
    rng = np.random.default_rng(11)
    kinds = {"JPEG": {}, "PNG": {}, "WEBP": {}, "TIFF": {"compression": "tiff_lzw"}}
    for kind, options in kinds.items():
        content = io.BytesIO()
        Image.fromarray(HALVES).save(content, kind, **options)
        for _ in range(60):
            damaged = bytearray(content.getvalue())
            for at in rng.integers(0, len(damaged), 8):
                damaged[at] = rng.integers(0, 256)
            (tmp_path / "a.jpg").write_bytes(damaged)
            with contextlib.suppress(PhotoUnreadable):  # any other error fails the test
                assert read(tmp_path / "a.jpg").pixels.shape[2] == 3
