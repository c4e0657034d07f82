from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import web
from pytest_django import Settings

from proxy import attachments, images
from proxy.attachments import MOST_ATTACHED, MOST_UNDER_WAY, Attachments
from proxy.media.jobs import Unreadable
from proxy.media.reader import MOST_FILE_BYTES, Reader
from proxy.media.substitution import Attached, Ready
from proxy.media.workers import Workers
from proxy.messages import (
    Content,
    Document,
    File,
    Image,
    Message,
    Part,
    Prompt,
    RemoteImage,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
)
from proxy.tests.media_samples import (
    claimed_png,
    encrypted_pdf,
    endless_pdf,
    in_base64,
    opened,
    pdf,
    picture,
    running_workers,
)
from proxy.tests.test_media_fetch import serving

REPORT = File("application/pdf", "report.pdf", in_base64(pdf("Sales went up.")))
READ_REPORT = Document("report.pdf", "[page 1]\nSales went up.")
SMALL_IMAGE = Image("png", in_base64(picture(20, 10, "PNG")))
WIDE_IMAGE = Image("png", in_base64(picture(9000, 9, "PNG")))


def prompt_of(*parts: Part) -> Prompt:
    return Prompt("a model", (Message("user", parts),))


class WatchedReader(Reader):
    """Remembers what it was given to read."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Attached] = []

    async def read(self, part: Attached) -> Ready | Unreadable:
        self.given.append(part)
        return await super().read(part)


class GatedReader(Reader):
    """Reads nothing until it is let."""

    def __init__(self, answer: Ready | Unreadable = READ_REPORT) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.given: list[Attached] = []
        self._answer = answer

    async def read(self, part: Attached) -> Ready | Unreadable:
        self.given.append(part)
        await self.gate.wait()
        return self._answer


@pytest.fixture
async def resolve() -> AsyncIterator[Callable[[Prompt], Awaitable[Prompt]]]:
    yield attachments.resolve
    await attachments.close()
    assert not list(running_workers())


@pytest.fixture
async def resolve_part(
    resolve: Callable[[Prompt], Awaitable[Prompt]],
) -> Callable[[Part], Awaitable[Part]]:
    async def resolve_part(part: Part) -> Part:
        resolved = await resolve(prompt_of(part))
        return resolved.messages[0].parts[0]

    return resolve_part


async def test_a_prompt_that_needs_no_work_stays_the_same(resolve) -> None:
    prompt = prompt_of(
        Text("Hello"),
        SMALL_IMAGE,
        Document("notes", "read already"),
        Thinking("hm"),
        ToolUse("1", "Read", {"path": "a.png"}),
        ToolResult("1", (Text("here:"), SMALL_IMAGE)),
    )
    assert await resolve(prompt) is prompt
    assert not list(running_workers())


async def test_everything_around_the_attachments_stays_as_it_was(resolve) -> None:
    prompt = Prompt(
        "a model",
        (
            Message("user", (Text("Read these."), REPORT)),
            Message("assistant", (Thinking("hm", "sig"), ToolUse("1", "Read", {}))),
            Message(
                "user",
                (
                    ToolResult(
                        "1", (Text("a"), REPORT, SMALL_IMAGE, WIDE_IMAGE), is_error=True
                    ),
                    Text("Well?"),
                ),
            ),
        ),
        system="Be brief.",
        tools=(Tool("Read", "reads", {}),),
        max_tokens=7,
        unhonoured=("temperature",),
    )
    resolved = await resolve(prompt)
    result = resolved.messages[2].parts[0]
    assert isinstance(result, ToolResult)
    narrower = result.content[3]
    assert isinstance(narrower, Image)
    assert images.fits(narrower)
    assert resolved == replace(
        prompt,
        messages=(
            Message("user", (Text("Read these."), READ_REPORT)),
            prompt.messages[1],
            Message(
                "user",
                (
                    ToolResult(
                        "1",
                        (Text("a"), READ_REPORT, SMALL_IMAGE, narrower),
                        is_error=True,
                    ),
                    Text("Well?"),
                ),
            ),
        ),
    )
    assert resolved.messages[1] is prompt.messages[1]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (REPORT, READ_REPORT),
        (replace(REPORT, media_type="application/octet-stream"), READ_REPORT),
        (
            File("text/csv", "a.csv", in_base64("größe,1".encode())),
            Document("a.csv", "größe,1"),
        ),
        (
            File("application/json", "a.json", in_base64(b"{}")),
            Document("a.json", "{}"),
        ),
        (File("text/plain", "empty.txt", ""), Document("empty.txt", "")),
        (
            File("application/pdf", "broken.pdf", in_base64(b"%PDF-1.7 no")),
            Text(
                "[document broken.pdf: application/pdf, 11 bytes; "
                "its text could not be read: it is damaged]"
            ),
        ),
        (
            File("application/pdf", "scan.pdf", in_base64(pdf("", ""))),
            Text(
                "[document scan.pdf: 2 pages; its text could not be read: "
                "there is no text in it, only pictures perhaps]"
            ),
        ),
        (
            File("application/zip", "a.zip", in_base64(b"PK\x03\x04\0")),
            Text(
                "[document a.zip: application/zip, 5 bytes; "
                "its text could not be read: it is neither a PDF nor text]"
            ),
        ),
        (
            File("text/plain", "", "not base64"),
            Text(
                "[document: text/plain, 6 bytes; "
                "its text could not be read: it is not base64]"
            ),
        ),
    ],
)
async def test_a_file_becomes_its_text_or_a_note(
    resolve_part, file: File, expected: Content
) -> None:
    assert await resolve_part(file) == expected


async def test_an_encrypted_pdf_becomes_a_note(resolve_part) -> None:
    data = in_base64(encrypted_pdf("secret", "pw"))
    note = await resolve_part(File("application/pdf", "locked.pdf", data))
    assert isinstance(note, Text)
    assert note.text.startswith("[document locked.pdf: application/pdf, ")
    assert note.text.endswith("; its text could not be read: it is encrypted]")


async def test_too_large_a_file_becomes_a_note(resolve_part) -> None:
    data = "A" * (MOST_FILE_BYTES // 3 * 4 + 4)
    note = await resolve_part(File("application/pdf", "huge.pdf", data))
    assert isinstance(note, Text)
    assert "it is larger than 25,165,824 bytes" in note.text
    assert not list(running_workers())


async def test_an_image_with_a_wrong_label_gets_the_right_one(resolve_part) -> None:
    image = await resolve_part(Image("webp", SMALL_IMAGE.data))
    assert image == SMALL_IMAGE
    assert not list(running_workers())


@pytest.mark.parametrize(
    "data", [picture(8001, 5, "JPEG"), picture(1000, 1000, "PNG", noise=True)]
)
async def test_an_image_that_upstream_would_refuse_becomes_smaller(
    resolve_part, data: bytes
) -> None:
    image = await resolve_part(Image("png", in_base64(data)))
    assert isinstance(image, Image)
    assert images.fits(image)
    assert opened(image).format == image.format.upper()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"BM" + bytes(60), "it is no PNG, JPEG, GIF or WebP"),
        (claimed_png(50_000, 50_000), "it has too many pixels"),
        (claimed_png(9000, 9000)[:60], "it has too many pixels"),
        (claimed_png(8001, 5)[:40], "it is damaged"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "it is damaged"),
    ],
)
async def test_an_image_that_cannot_be_read_becomes_a_note(
    resolve_part, data: bytes, why: str
) -> None:
    note = await resolve_part(Image("png", in_base64(data)))
    assert note == Text(f"[an image was left out: {why}]")


async def test_each_attachment_is_read_once() -> None:
    reader = WatchedReader()
    read = Attachments(reader)
    again = prompt_of(REPORT, ToolResult("1", (REPORT,)), WIDE_IMAGE, WIDE_IMAGE)
    first = await read.resolve(again)
    assert await read.resolve(again) == first
    assert await read.resolve(prompt_of(REPORT)) == prompt_of(READ_REPORT)
    assert reader.given == [REPORT, WIDE_IMAGE]
    await read.close()


async def test_the_same_file_under_another_name_keeps_that_name() -> None:
    read = Attachments()
    other = replace(REPORT, title="copy.pdf")
    resolved = await read.resolve(prompt_of(REPORT, other))
    assert resolved == prompt_of(READ_REPORT, replace(READ_REPORT, title="copy.pdf"))
    await read.close()


async def test_requests_with_the_same_attachment_wait_for_the_same_work() -> None:
    reader = GatedReader()
    read = Attachments(reader)
    prompts = [prompt_of(Text(f"{at}"), REPORT) for at in range(20)]
    all_of_them = asyncio.gather(*(read.resolve(prompt) for prompt in prompts))
    while not reader.given:
        await asyncio.sleep(0)
    reader.gate.set()
    for at, resolved in enumerate(await all_of_them):
        assert resolved == prompt_of(Text(f"{at}"), READ_REPORT)
    assert reader.given == [REPORT]
    await read.close()


async def test_a_prompt_waits_so_long_and_the_work_goes_on() -> None:
    reader = GatedReader()
    read = Attachments(reader, patience=0.05)
    late = await read.resolve(prompt_of(REPORT))
    (note,) = late.messages[0].parts
    assert isinstance(note, Text)
    assert note.text.endswith("its text could not be read: it takes too long]")
    reader.gate.set()
    while await read.resolve(prompt_of(REPORT)) != prompt_of(READ_REPORT):
        await asyncio.sleep(0)
    assert reader.given == [REPORT]
    await read.close()


async def test_a_client_that_leaves_does_not_end_the_work() -> None:
    reader = GatedReader()
    read = Attachments(reader)
    request = asyncio.create_task(read.resolve(prompt_of(REPORT)))
    while not reader.given:
        await asyncio.sleep(0)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    reader.gate.set()
    assert await read.resolve(prompt_of(REPORT)) == prompt_of(READ_REPORT)
    assert reader.given == [REPORT]
    await read.close()


async def test_what_a_file_is_to_blame_for_is_remembered() -> None:
    reader = GatedReader(Unreadable("it takes too long", passing=True))
    reader.gate.set()
    read = Attachments(reader)
    first = await read.resolve(prompt_of(REPORT))
    assert await read.resolve(prompt_of(REPORT)) == first
    assert reader.given == [REPORT]
    await read.close()


async def test_of_too_many_attachments_the_newest_are_read() -> None:
    reader = GatedReader()
    reader.gate.set()
    read = Attachments(reader)
    files = [File("text/plain", f"{at}.txt", "") for at in range(MOST_ATTACHED + 2)]
    resolved = await read.resolve(prompt_of(*files))
    kinds = [type(part) for part in resolved.messages[0].parts]
    assert kinds == [Text, Text] + [Document] * MOST_ATTACHED
    assert reader.given == files[2:]
    await read.close()


async def test_what_is_too_much_at_a_time_is_left_for_another_time() -> None:
    reader = GatedReader()
    read = Attachments(reader, patience=0.05)
    files = [File("text/plain", f"{at}.txt", "") for at in range(MOST_UNDER_WAY)]
    await read.resolve(prompt_of(*files))
    resolved = await read.resolve(prompt_of(REPORT))
    (note,) = resolved.messages[0].parts
    assert isinstance(note, Text)
    assert "too many are being read now" in note.text
    reader.gate.set()
    await read.resolve(prompt_of(*files))
    assert await read.resolve(prompt_of(REPORT)) == prompt_of(READ_REPORT)
    await read.close()


async def test_closing_ends_what_is_under_way() -> None:
    workers = Workers()
    read = Attachments(Reader(workers=workers))
    endless = File("application/pdf", "endless.pdf", in_base64(endless_pdf()))
    request = asyncio.create_task(read.resolve(prompt_of(endless)))
    while not list(running_workers()):
        await asyncio.sleep(0.01)
    await read.close()
    assert not list(running_workers())
    with pytest.raises(asyncio.CancelledError):
        await request


# Images that lie elsewhere

A_PICTURE = picture(30, 20, "JPEG")


async def send_picture(request: web.BaseRequest) -> web.StreamResponse:
    body = {
        "/wide": picture(8001, 5, "PNG"),
        "/page": b"<html></html>",
    }.get(request.path, A_PICTURE)
    return web.Response(body=body, content_type="image/webp")


@pytest.fixture
async def near(settings: Settings) -> AsyncIterator[Attachments]:
    """Fetches from loopback, where the server of a test is."""
    settings.ALLOW_REMOTE_IMAGES = True
    near = Attachments(Reader(may_connect=lambda address, port: True))
    yield near
    await near.close()


async def test_a_remote_image_is_fetched_once_and_known_by_its_bytes(
    near: Attachments,
) -> None:
    async with serving(send_picture) as site:
        prompt = prompt_of(RemoteImage(f"{site.url}/a.webp"))
        expected = prompt_of(Image("jpeg", in_base64(A_PICTURE)))
        assert await near.resolve(prompt) == expected
        assert await near.resolve(prompt) == expected
    assert site.paths == ["/a.webp"]


async def test_a_remote_image_that_is_too_large_becomes_smaller(
    near: Attachments,
) -> None:
    async with serving(send_picture) as site:
        resolved = await near.resolve(prompt_of(RemoteImage(f"{site.url}/wide")))
    (image,) = resolved.messages[0].parts
    assert isinstance(image, Image)
    assert images.fits(image)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/page", "it is no PNG, JPEG, GIF or WebP"),
        ("@elsewhere/", "its address has a password in it"),
    ],
)
async def test_what_is_no_image_elsewhere_becomes_a_note(
    near: Attachments, path: str, why: str
) -> None:
    async with serving(send_picture) as site:
        resolved = await near.resolve(prompt_of(RemoteImage(f"{site.url}{path}")))
    assert resolved == prompt_of(Text(f"[an image was left out: {why}]"))


async def test_loopback_is_not_fetched_from(resolve_part, settings: Settings) -> None:
    settings.ALLOW_REMOTE_IMAGES = True
    async with serving(send_picture) as site:
        note = await resolve_part(RemoteImage(f"{site.url}/a.webp"))
    assert note == Text("[an image was left out: it could not be fetched]")
    assert site.asked == []


async def test_nothing_is_fetched_unless_that_is_allowed(settings: Settings) -> None:
    settings.ALLOW_REMOTE_IMAGES = False
    near = Attachments(Reader(may_connect=lambda address, port: True))
    async with serving(send_picture) as site:
        resolved = await near.resolve(prompt_of(RemoteImage(f"{site.url}/a.webp")))
    assert resolved == prompt_of(
        Text("[an image was left out: it is not in the request itself]")
    )
    assert site.asked == []
    await near.close()
