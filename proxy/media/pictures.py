"""Makes a picture as small as the service takes it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from io import BytesIO
from typing import Literal

from PIL import Image, ImageOps

from proxy.images import MOST_BYTES
from proxy.media.jobs import Picture, Unreadable

# Decoded, four bytes each: what a worker has memory for, with room to convert.
MOST_PIXELS = 50_000_000
# The longest side, tried in turn. No model sees more than the first.
SIDES = (2576, 1568, 784)
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
JPEG_QUALITY = 85

Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def shrink(data: bytes) -> Picture | Unreadable:
    """The first frame, upright. Raises whatever Pillow does with a damaged file;
    of too many pixels it only warns at first, which a worker takes for an error."""
    with Image.open(BytesIO(data), formats=FORMATS) as picture:
        lossy = picture.format == "JPEG"
        shrunk = _in_colour(picture, SIDES[0])
    for side in SIDES:
        shrunk.thumbnail((side, side))
        for name, written in _encodings(shrunk, lossy):
            if len(written) <= MOST_BYTES:
                return Picture(name, base64.b64encode(written).decode())
    return Unreadable("it stays too large")


def _in_colour(picture: Image.Image, side: int) -> Image.Image:
    """RGB or RGBA; what need not be held at full size is not."""
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    picture.draft("RGB", (side, side))
    if picture.mode in ("1", "P"):  # where neighbours cannot be averaged
        picture = picture.convert(mode)
    if picture.mode == "I;16":  # which convert() would cut off, not scale
        picture = picture.point(lambda value: value * (1 / 256)).convert("L")
    picture.thumbnail((side, side))
    ImageOps.exif_transpose(picture, in_place=True)
    return picture.convert(mode)


def _encodings(
    picture: Image.Image, lossy: bool
) -> Iterator[tuple[Literal["png", "jpeg"], bytes]]:
    """Screens keep their sharp edges if there is room; photographs have none."""
    if not lossy:
        yield "png", _encoded(picture, "PNG")
    if picture.mode == "RGBA":
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture).convert("RGB")
    yield "jpeg", _encoded(picture, "JPEG", quality=JPEG_QUALITY)


def _encoded(picture: Image.Image, name: str, **options: int) -> bytes:
    written = BytesIO()
    picture.save(written, name, **options)
    return written.getvalue()
