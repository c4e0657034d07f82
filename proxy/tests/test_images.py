from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import images
from proxy.messages import Image, ImageFormat
from proxy.tests.media_samples import animation, claimed_png, in_base64, picture

SIGNATURES = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF89a",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"RIFF\0\0\0\0WEBPVP8L",
    b"RIFF\0\0\0\0WEBPVP8X",
]


def image_of(data: bytes) -> Image:
    image = images.image_from_base64(in_base64(data))
    assert image is not None
    return image


@pytest.mark.parametrize("size", [(1, 1), (640, 480), (7, 3001)])
@pytest.mark.parametrize(
    ("name", "mode", "expected"),
    [
        ("PNG", "RGB", "png"),
        ("PNG", "P", "png"),
        ("JPEG", "L", "jpeg"),
        ("JPEG", "CMYK", "jpeg"),
        ("GIF", "P", "gif"),
        ("WEBP", "RGB", "webp"),
        ("WEBP", "RGBA", "webp"),
    ],
)
def test_format_and_size_are_read_from_the_head(
    size: tuple[int, int], name: str, mode: str, expected: ImageFormat
) -> None:
    image = image_of(picture(*size, name, mode))
    assert image.format == expected
    assert images.sides(image) == size
    assert images.fits(image)


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG"])
def test_an_animation_has_the_size_of_its_canvas(name: str) -> None:
    image = image_of(animation(31, 17, name))
    assert images.sides(image) == (31, 17)
    assert images.fits(image)


def test_lossless_webp_has_its_size_in_bits() -> None:
    bits = (4000 - 1) | (3000 - 1) << 14
    data = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", bits) + bytes(9)
    assert images.sides(image_of(data)) == (4000, 3000)


def test_the_size_of_a_jpeg_stands_behind_its_profile_and_preview() -> None:
    plain = picture(900, 700, "JPEG")
    inner = picture(16, 12, "JPEG")
    segments = b"".join(
        b"\xff" + marker + struct.pack(">H", len(body) + 2) + body
        for marker, body in ((b"\xe1", inner), (b"\xe2", bytes(65_000)))
    )
    # Between segments there may be filling, and markers without a length.
    data = plain[:2] + segments * 3 + b"\xff\xff\xff\x01" + plain[2:]
    assert images.sides(image_of(data)) == (900, 700)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xe0",
        b"\xff\xd8\xff\xe0\x00\x10" + bytes(40),
        b"\xff\xd8" + b"\xff\xe2\x00\x02" * 5000 + picture(10, 10, "JPEG")[2:],
        claimed_png(0, 10),
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a\x01",
        b"RIFF\0\0\0\0WEBPVP8X\0\0",
        b"RIFF\0\0\0\0WEBPWHAT" + bytes(30),
    ],
)
def test_a_damaged_head_has_no_size_and_does_not_fit(data: bytes) -> None:
    image = image_of(data)
    assert images.sides(image) is None
    assert not images.fits(image)


def test_too_wide_a_picture_does_not_fit() -> None:
    assert images.fits(image_of(claimed_png(8000, 8000)))
    assert not images.fits(image_of(claimed_png(8001, 1)))
    assert not images.fits(image_of(claimed_png(1, 8001)))


def test_too_heavy_a_picture_does_not_fit() -> None:
    data = picture(10, 10, "PNG")
    heaviest = data + bytes(images.MOST_BYTES - len(data))
    assert images.fits(image_of(heaviest))
    assert not images.fits(image_of(heaviest + b"\0"))


def test_a_wrong_label_does_not_fit() -> None:
    image = image_of(picture(10, 10, "PNG"))
    assert not images.fits(Image("jpeg", image.data))


@pytest.mark.parametrize("length", range(1, 10))
def test_bytes_are_counted_without_decoding(length: int) -> None:
    assert images.byte_count(in_base64(bytes(length))) == length


@pytest.mark.parametrize(
    "altered",
    [
        lambda data: data.rstrip("="),
        lambda data: "\r\n".join(data[at : at + 76] for at in range(0, len(data), 76)),
        lambda data: data.replace("+", "-").replace("/", "_"),
    ],
    ids=["unpadded", "in lines", "of the URL alphabet"],
)
def test_other_ways_to_write_base64_become_the_one(altered) -> None:
    data = in_base64(b"\xff\xd8\xff" + bytes(range(256)))
    assert {"+", "/", "="} <= set(data)
    assert images.image_from_base64(altered(data)) == Image("jpeg", data)


@pytest.mark.parametrize(
    "data", ["", "=", "A", "not base64!", "iVBORw0KGgoäöü", in_base64(b"BM" * 40)]
)
def test_what_is_no_picture_is_none(data: str) -> None:
    assert images.image_from_base64(data) is None


def test_a_data_url_is_a_picture_whatever_it_says_it_is() -> None:
    data = in_base64(picture(3, 3, "GIF", "P"))
    assert images.image_from_data_url(f"data:image/png;base64,{data}") == Image(
        "gif", data
    )
    assert images.image_from_data_url(f"data:image/png,{data}") is None
    assert images.image_from_data_url("https://example.com/a.png") is None


@given(st.sampled_from([b"", *SIGNATURES]), st.binary(max_size=64))
def test_no_bytes_make_it_stumble(signature: bytes, rest: bytes) -> None:
    image = images.image_from_base64(base64.b64encode(signature + rest).decode())
    if image is not None:
        images.fits(image)


@given(st.text(max_size=64))
def test_no_text_makes_it_stumble(text: str) -> None:
    image = images.image_from_base64(text)
    if image is not None:
        images.fits(image)
