"""Files as people attach them, small and made on the spot."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from random import Random

import psutil
from PIL import Image
from pypdf import PdfWriter

from proxy import messages


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def pdf(*pages: str, damaged: int | None = None) -> bytes:
    """A page of lines each; page number `damaged` is written in no known way."""
    contents = []
    for number, page in enumerate(pages, 1):
        lines = b" ".join(
            b"(%b) Tj 0 -14 Td" % line.encode() for line in page.splitlines()
        )
        coding = b"/Filter /NoSuchFilter" if number == damaged else b""
        contents.append((b"BT /F1 12 Tf 72 720 Td %b ET" % lines, coding))
    return _pdf(contents)


def swelling_pdf() -> bytes:
    """Small; its page is 200 MB of nothing."""
    return _pdf([(zlib.compress(bytes(200_000_000)), b"/Filter /FlateDecode")])


def _pdf(pages: list[tuple[bytes, bytes]]) -> bytes:
    """Of each page the content, and how it is coded."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * at) for at in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for at, (content, coding) in enumerate(pages):
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * at),
            b"<< /Length %d %b >>\nstream\n%b\nendstream"
            % (len(content), coding, content),
        ]
    file = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        file += b"%010d 00000 n \n" % place
    file += b"trailer << /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    file += b"startxref\n%d\n%%%%EOF" % table
    return bytes(file)


def encrypted_pdf(text: str, password: str) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(pdf(text)))
    writer.encrypt(password, owner_password="the owner's", algorithm="AES-256")
    written = BytesIO()
    writer.write(written)
    return written.getvalue()


def endless_pdf() -> bytes:
    """Takes a reader many minutes."""
    return pdf("\n".join(["so it goes on and on"] * 200_000))


def picture(
    width: int, height: int, name: str, mode: str = "RGB", noise: bool = False
) -> bytes:
    """`name` is Pillow's of the format. Noise does not compress."""
    written = BytesIO()
    image = noisy(width, height, mode) if noise else Image.new(mode, (width, height))
    image.save(written, name)
    return written.getvalue()


def noisy(width: int, height: int, mode: str) -> Image.Image:
    data = Random(0).randbytes(width * height * len(mode))
    return Image.frombytes(mode, (width, height), data)


def animation(width: int, height: int, name: str) -> bytes:
    written = BytesIO()
    first, *more = (
        Image.new("RGB", (width, height), colour) for colour in ("red", "green", "blue")
    )
    first.save(written, name, save_all=True, append_images=more, duration=50)
    return written.getvalue()


def claimed_png(width: int, height: int) -> bytes:
    """A sound head and next to nothing behind it: what a bomb looks like."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", _crc(kind, body))
        for kind, body in (
            (b"IHDR", head),
            (b"IDAT", zlib.compress(bytes(10_000))),
            (b"IEND", b""),
        )
    )


def _crc(kind: bytes, body: bytes) -> int:
    return zlib.crc32(kind + body)


def opened(image: messages.Image) -> Image.Image:
    """As a reader sees it, whole."""
    found = Image.open(BytesIO(base64.b64decode(image.data, validate=True)))
    found.load()
    return found


def running_workers() -> Iterator[psutil.Process]:
    """Media workers of this process."""
    for child in psutil.Process().children():
        try:
            if "proxy.media.worker" in child.cmdline():
                yield child
        except psutil.NoSuchProcess:
            continue
