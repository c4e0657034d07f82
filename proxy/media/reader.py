"""Reads an attachment: a PDF, a text, a picture, one that lies elsewhere."""

from __future__ import annotations

import asyncio
import base64
from typing import assert_never

from django.conf import settings

from proxy import images
from proxy.media.addresses import is_public
from proxy.media.fetch import MayConnect, NotFetched, fetch
from proxy.media.jobs import (
    Job,
    PdfText,
    Picture,
    ReadPdf,
    ShrinkPicture,
    Unreadable,
)
from proxy.media.plaintext import read_text
from proxy.media.substitution import Attached, Ready
from proxy.media.workers import Workers
from proxy.messages import Document, File, Image, RemoteImage

MOST_FILE_BYTES = 24 * 2**20
MOST_FETCHES = 4

PDF = "application/pdf"
PDF_IN_BASE64 = "JVBERi"  # %PDF, whatever the label says

TOO_LARGE = Unreadable(f"it is larger than {MOST_FILE_BYTES:,} bytes")
NO_TEXT = Unreadable("it is neither a PDF nor text")
NOT_BASE64 = Unreadable("it is not base64")
NO_PICTURE = Unreadable("it is no PNG, JPEG, GIF or WebP")
NOT_HERE = Unreadable("it is not in the request itself")


class Reader:
    """Of one event loop."""

    def __init__(
        self, may_connect: MayConnect = is_public, workers: Workers | None = None
    ) -> None:
        self._may_connect = may_connect
        self._workers = workers or Workers()
        self._fetches = asyncio.Semaphore(MOST_FETCHES)

    async def close(self) -> None:
        await self._workers.close()

    async def read(self, part: Attached) -> Ready | Unreadable:
        match part:
            case File(media_type, title, data):
                if images.byte_count(data) > MOST_FILE_BYTES:
                    return TOO_LARGE
                if media_type == PDF or data.startswith(PDF_IN_BASE64):
                    return await self._work(ReadPdf(data), title)
                return await asyncio.to_thread(_read_text, part)
            case Image(data=data):
                return await self._fit(data)
            case RemoteImage(url):
                return await self._fetch(url)
            case _:
                assert_never(part)

    async def _fit(self, data: str) -> Ready | Unreadable:
        image = images.image_from_base64(data)
        if image is None:
            return NO_PICTURE
        if images.fits(image):
            return image
        if images.byte_count(data) > MOST_FILE_BYTES:
            return TOO_LARGE
        return await self._work(ShrinkPicture(image.data))

    async def _fetch(self, url: str) -> Ready | Unreadable:
        if not settings.ALLOW_REMOTE_IMAGES:
            return NOT_HERE
        try:
            async with self._fetches:
                data = await fetch(url, self._may_connect)
        except NotFetched as failure:
            return Unreadable(str(failure), passing=True)
        return await self._fit(base64.b64encode(data).decode())

    async def _work(self, job: Job, title: str = "") -> Ready | Unreadable:
        match await self._workers.do(job):
            case PdfText(text):
                return Document(title, text)
            case Picture(name, data):
                return Image(name, data)
            case unreadable:
                return unreadable


def _read_text(file: File) -> Document | Unreadable:
    try:
        data = base64.b64decode(file.data)
    except ValueError:
        return NOT_BASE64
    text = read_text(data, file.media_type)
    return NO_TEXT if text is None else Document(file.title, text)
