from __future__ import annotations

from io import BytesIO

import PIL.Image
import pytest
from PIL import UnidentifiedImageError

from proxy import images, messages
from proxy.media import pictures
from proxy.media.jobs import Picture
from proxy.media.pictures import SIDES, shrink
from proxy.tests.media_samples import animation, noisy, opened, picture


def shrunk(data: bytes) -> messages.Image:
    answer = shrink(data)
    assert isinstance(answer, Picture)
    image = messages.Image(answer.format, answer.data)
    assert images.fits(image)
    found = opened(image)
    assert found.format == image.format.upper()
    assert max(found.size) <= images.MOST_SIDE
    return image


@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        ("PNG", "RGB", "png"),
        ("PNG", "RGBA", "png"),
        ("PNG", "P", "png"),
        ("PNG", "1", "png"),
        ("PNG", "LA", "png"),
        ("PNG", "I;16", "png"),
        ("GIF", "P", "png"),
        ("WEBP", "RGB", "png"),
        ("JPEG", "RGB", "jpeg"),
        ("JPEG", "L", "jpeg"),
        ("JPEG", "CMYK", "jpeg"),
    ],
)
def test_too_wide_a_picture_becomes_narrower_in_proportion(
    name: str, mode: str, expected: str
) -> None:
    image = shrunk(picture(9000, 900, name, mode))
    assert image.format == expected
    assert images.sides(image) == (SIDES[0], round(SIDES[0] / 10))


def test_webp_is_not_wider_than_its_format_allows() -> None:
    assert images.sides(shrunk(picture(16383, 10, "WEBP"))) == (SIDES[0], 2)


def test_a_hair_keeps_its_width() -> None:
    assert images.sides(shrunk(picture(1, 9000, "PNG"))) == (1, SIDES[0])


def test_too_heavy_a_picture_becomes_lighter() -> None:
    data = picture(1000, 1000, "PNG", noise=True)
    assert len(data) > images.MOST_BYTES
    image = shrunk(data)
    assert image.format == "jpeg"
    assert images.byte_count(image.data) <= images.MOST_BYTES


def test_what_is_transparent_becomes_white_where_there_is_no_other_way() -> None:
    coloured = noisy(1000, 1000, "RGBA")
    coloured.paste((0, 0, 0, 0), (0, 0, 100, 100))
    written = BytesIO()
    coloured.save(written, "PNG")
    image = shrunk(written.getvalue())
    assert image.format == "jpeg"
    corner = opened(image).getpixel((5, 5))
    assert isinstance(corner, tuple)
    assert min(corner) > 240


def test_transparency_is_kept_where_there_is_room() -> None:
    image = shrunk(picture(9000, 100, "PNG", "RGBA"))
    assert opened(image).getpixel((0, 0)) == (0, 0, 0, 0)


def test_sixteen_shades_of_grey_are_scaled_and_not_cut_off() -> None:
    written = BytesIO()
    PIL.Image.new("I;16", (9000, 10), 0x8000).save(written, "PNG")
    assert opened(shrunk(written.getvalue())).getpixel((0, 0)) == (128, 128, 128)


def test_a_photograph_is_turned_upright() -> None:
    photograph = PIL.Image.new("RGB", (9000, 90))
    orientation = PIL.Image.Exif()
    orientation[0x0112] = 6
    written = BytesIO()
    photograph.save(written, "JPEG", exif=orientation)
    assert images.sides(shrunk(written.getvalue())) == (26, SIDES[0])


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_kept(name: str) -> None:
    red, green, blue = opened(shrunk(animation(9000, 20, name))).getpixel((3, 3))  # type: ignore[misc]
    assert red > 200 > 50 > max(green, blue)


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"BM" + bytes(100), b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_what_is_no_picture_raises(data: bytes) -> None:
    with pytest.raises(UnidentifiedImageError):
        shrink(data)


def test_half_a_picture_raises() -> None:
    data = picture(9000, 90, "PNG", noise=True)
    with pytest.raises(OSError):
        shrink(data[: len(data) // 2])


def test_only_what_upstream_takes_is_ever_opened() -> None:
    assert set(pictures.FORMATS) == {"PNG", "JPEG", "GIF", "WEBP"}
