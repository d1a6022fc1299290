"""A photo that is decoded reduced is the same photo: same place, same facts, same failures."""

import io

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from core.errors import PhotoUnreadable
from core.photos import decoding
from core.photos.cutting import cut_parts
from core.photos.decoding import decode_photo, measure_megapixels
from core.photos.reading import read_photo
from core.photos.reduction import reduce_to_longest, reduce_to_width
from core.records import Box, LoadedPhoto

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def draw(width: int, height: int) -> Image.Image:
    """A smooth scene, unlike at each of its edges."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    layers = (200 * x + 30, 200 * y + 30, 120 + 100 * np.sin(9 * x) * np.cos(7 * y))
    return Image.fromarray(np.stack(layers, axis=2).astype(np.uint8))


def pack(picture: Image.Image, kind: str = "JPEG", *, orientation: int = 1, **options) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = io.BytesIO()
    picture.save(content, kind, exif=exif, **options)
    return content.getvalue()


def decode(content: bytes, shrink: int = 1):
    return decode_photo(content, max_megapixels=50, choose_shrink=lambda width, height: shrink)


def mean_of_blocks(pixels: np.ndarray, shrink: int) -> np.ndarray:
    """Each block's mean; those at the edge have fewer pixels."""
    rows, columns = (range(0, side, shrink) for side in pixels.shape[:2])
    return np.array([[pixels[y : y + shrink, x : x + shrink].mean(axis=(0, 1)) for x in columns] for y in rows])


@pytest.mark.parametrize("shrink", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [(320, 240), (331, 203)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_pixel_of_a_reduced_photo_is_the_mean_of_its_block_however_the_camera_was_held(shrink, size, orientation):
    content = pack(draw(*size), orientation=orientation, quality=95)
    whole = decode(content)

    reduced = decode(content, shrink)

    assert (reduced.width_px, reduced.height_px) == (whole.width_px, whole.height_px) == whole.pixels.shape[1::-1]
    assert reduced.facts == whole.facts
    # A turned photo whose sides are no whole blocks keeps all pixels, since the incomplete blocks would come first.
    assert reduced.shrink == (shrink if orientation == 1 or size == (320, 240) else 1)
    wanted = mean_of_blocks(whole.pixels, reduced.shrink)
    inside = (slice(0, -1), slice(0, -1))  # blocks at the edge are filled with what the encoder made up
    assert reduced.pixels.shape == wanted.shape
    assert np.abs(reduced.pixels[inside] - wanted[inside]).max() < 6


@pytest.mark.parametrize(
    "options", [{}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"quality": 20}]
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_intact_jpeg_has_exactly_the_pixels_that_pillow_gives(options, mode):
    content = pack(draw(211, 173).convert(mode), **options)

    with JpegImagePlugin.JpegImageFile(io.BytesIO(content)) as picture:
        wanted = np.asarray(picture.convert("RGB"))
    assert (decode(content).pixels == wanted).all()


@pytest.mark.parametrize(
    ("kind", "picture", "options"),
    [
        ("JPEG", draw(320, 240).convert("CMYK"), {}),
        ("PNG", draw(320, 240), {}),
        ("PNG", Image.fromarray(np.full((240, 320), 40_000, np.uint16)), {}),
        ("TIFF", draw(320, 240), {}),
        ("WEBP", draw(320, 240), {}),
    ],
)
def test_other_pictures_keep_all_pixels(kind, picture, options):
    content = pack(picture, kind, **options)

    whole, asked = decode(content), decode(content, 4)

    assert asked.shrink == 1
    assert (asked.pixels == whole.pixels).all()
    assert measure_megapixels(io.BytesIO(content), choose_shrink=lambda *size: 4) == 320 * 240 / 1e6


def outcome(content: bytes, shrink: int) -> tuple[str, bytes]:
    try:
        decoded = decode(content, shrink)
    except PhotoUnreadable as error:
        return str(error), b""
    return decoded.note, decoded.pixels.tobytes()


@pytest.mark.parametrize("progressive", [False, True])
def test_a_cut_or_damaged_photo_is_told_and_shown_as_without_reducing(progressive):
    noise = np.random.default_rng(3).integers(0, 255, (200, 304, 3), dtype=np.uint8)
    content = pack(Image.fromarray(noise), progressive=progressive)
    cut = [content[:length] for length in range(100, len(content), len(content) // 9)]
    said = set()
    for one in cut:
        assert outcome(one, 4) == outcome(one, 1)
        said.add(outcome(one, 4)[0].split(":")[0])
    assert "truncated" in said
    hit = bytearray(content)
    hit[len(hit) // 2 : len(hit) // 2 + 40] = b"\xff\xd8" * 20  # a marker where there is none
    assert outcome(bytes(hit), 4) == outcome(bytes(hit), 1)


def test_how_far_a_photo_is_reduced():
    sizes = [(4000, 3000), (3000, 4000), (5664, 4248), (1280, 720), (640, 480), (100, 50)]

    assert [reduce_to_longest(640)(*size) for size in sizes] == [4, 4, 8, 2, 1, 1]
    assert [reduce_to_width(640)(*size) for size in sizes] == [4, 4, 8, 2, 1, 1]
    assert reduce_to_width(1000)(3000, 4000) == 2


@pytest.mark.parametrize(("progressive", "held"), [(False, 100 * 50), (True, 400 * 200)])
def test_the_limit_counts_what_is_unpacked_which_is_all_of_a_progressive_photo(monkeypatch, progressive, held):
    asked = []
    hold = decoding.UNPACKED_AT_ONCE.hold
    monkeypatch.setattr(decoding.UNPACKED_AT_ONCE, "hold", lambda pixels: asked.append(pixels) or hold(pixels))

    decode(pack(draw(400, 200), progressive=progressive), 4)

    assert asked == [held]


def load(tmp_path, content: bytes, longest_px: int) -> LoadedPhoto:
    (tmp_path / "a.jpg").write_bytes(content)
    return read_photo(tmp_path, "a.jpg", deployment="", max_megapixels=50, choose_shrink=reduce_to_longest(longest_px))


def cut(photo: LoadedPhoto, *boxes: Box):
    return cut_parts(photo, boxes, margins=[0.1] * len(boxes), input_px=32, saved_px=40, max_megapixels=50)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_crop_is_cut_at_the_resolution_that_it_needs(tmp_path, orientation):
    content = pack(draw(640, 480), orientation=orientation, quality=95)
    whole, reduced = load(tmp_path, content, 640), load(tmp_path, content, 80)
    assert (whole.shrink, reduced.shrink) == (1, 8)
    assert whole.photo == reduced.photo
    small, middle, large = Box(200, 100, 40, 30), Box(100, 50, 100, 120), Box(10, 20, 440, 420)

    for box, most_px in ((small, 48), (middle, 144), (large, 504)):
        (fine,), (coarse,) = cut(whole, box), cut(reduced, box)
        assert coarse.size_hw == fine.size_hw
        assert min(coarse.pixels.shape[:2]) >= min(48, *fine.size_hw)
        by = fine.size_hw[0] / coarse.pixels.shape[0]
        assert fine.pixels.shape[0] <= most_px
        as_fine = np.asarray(Image.fromarray(coarse.pixels).resize(fine.size_hw[::-1], Image.Resampling.BILINEAR))
        assert np.abs(as_fine.astype(int) - fine.pixels).mean() < 1 + by
    # The same part looks the same whatever else is in the photo.
    assert (cut(reduced, large)[0].pixels == cut(reduced, large, small)[0].pixels).all()
    assert cut(reduced, large)[0].pixels.shape[0] < 80
    assert cut(reduced, small, large)[0].pixels.shape == cut(whole, small)[0].pixels.shape


def test_a_photo_that_is_large_enough_is_not_decoded_again(tmp_path, monkeypatch):
    reduced = load(tmp_path, pack(draw(640, 480)), 320)
    monkeypatch.setattr("core.photos.cutting.decode_photo", None)

    assert cut(reduced, Box(0, 0, 640, 480))[0].pixels.shape == (240, 320, 3)
