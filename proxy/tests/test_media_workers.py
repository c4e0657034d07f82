from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from proxy.media.jobs import (
    MOST_JOB_BYTES,
    PdfText,
    Picture,
    ReadPdf,
    ShrinkPicture,
    Unreadable,
)
from proxy.media.worker import ADDRESS_SPACE, CPU_SECONDS, OPEN_FILES, answer
from proxy.media.workers import MOST_WORKERS, Workers
from proxy.tests.media_samples import (
    claimed_png,
    encrypted_pdf,
    endless_pdf,
    in_base64,
    pdf,
    picture,
    running_workers,
)

SMALL = ReadPdf(in_base64(pdf("small")))
SMALL_TEXT = PdfText("[page 1]\nsmall")
ENDLESS = ReadPdf(in_base64(endless_pdf()))
# More than a worker reads: it ends over it, as over a fault of its own.
DEADLY = ReadPdf("A" * (MOST_JOB_BYTES + 1))
BOMB = ShrinkPicture(in_base64(claimed_png(10_000, 5_001)))
LARGER_BOMB = ShrinkPicture(in_base64(claimed_png(30_000, 30_000)))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    workers = Workers()
    yield workers
    await workers.close()
    assert not list(running_workers())


def pids() -> set[int]:
    return {process.pid for process in running_workers()}


async def test_a_pdf_and_a_picture_go_to_the_same_warm_worker(
    workers: Workers,
) -> None:
    assert await workers.do(SMALL) == SMALL_TEXT
    first = pids()
    shrunk = await workers.do(ShrinkPicture(in_base64(picture(9000, 9, "PNG"))))
    assert isinstance(shrunk, Picture)
    assert pids() == first
    assert len(first) == 1


async def test_no_more_than_so_many_run_at_once(workers: Workers) -> None:
    answers = await asyncio.gather(*(workers.do(SMALL) for _ in range(8)))
    assert answers == [SMALL_TEXT] * 8
    assert len(pids()) <= MOST_WORKERS


async def test_a_worker_is_replaced_after_so_many_jobs() -> None:
    workers = Workers(jobs=1)
    await workers.do(SMALL)
    first = pids()
    await workers.do(SMALL)
    assert pids().isdisjoint(first)
    assert len(pids()) == 1
    await workers.close()


async def test_a_job_that_does_not_end_costs_its_worker() -> None:
    workers = Workers(seconds=1)
    found = await workers.do(ENDLESS)
    assert found == Unreadable("it takes too long", passing=True)
    assert not pids()


async def test_a_worker_that_dies_of_a_file_is_replaced(workers: Workers) -> None:
    found = await workers.do(DEADLY)
    assert found == Unreadable("its reader failed", passing=True)
    assert not pids()
    assert await workers.do(SMALL) == SMALL_TEXT


async def test_a_cancelled_job_leaves_no_worker_behind(workers: Workers) -> None:
    job = asyncio.create_task(workers.do(ENDLESS))
    while not pids():
        await asyncio.sleep(0.01)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not pids()
    assert await workers.do(SMALL) == SMALL_TEXT


async def test_closed_workers_start_again_when_they_are_needed(
    workers: Workers,
) -> None:
    await workers.do(SMALL)
    await workers.close()
    assert not pids()
    assert await workers.do(SMALL) == SMALL_TEXT


async def test_a_worker_knows_no_secret_and_has_little_of_all(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret")
    monkeypatch.setenv("KIRO_AUTH_TOKEN", "another")
    await workers.do(SMALL)
    (worker,) = running_workers()
    assert set(worker.environ()) <= {"PATH", "LD_LIBRARY_PATH", "PYTHONHOME"}
    assert max(worker.rlimit(psutil.RLIMIT_AS)) <= ADDRESS_SPACE
    assert 0 < worker.rlimit(psutil.RLIMIT_CPU)[0] <= 2 * CPU_SECONDS
    assert worker.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert worker.rlimit(psutil.RLIMIT_NPROC) == (0, 0)
    assert worker.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert worker.rlimit(psutil.RLIMIT_NOFILE) == (OPEN_FILES, OPEN_FILES)
    assert not worker.open_files()


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (ReadPdf(in_base64(b"%PDF-1.7 and nothing")), "it is damaged"),
        (ReadPdf("this is no base64"), "it is damaged"),
        (ReadPdf(in_base64(encrypted_pdf("secret", "pw"))), "it is encrypted"),
        (ShrinkPicture(in_base64(b"GIF89a")), "it is damaged"),
        (
            ShrinkPicture(in_base64(claimed_png(10_000, 5_001))),
            "it has too many pixels",
        ),
        (
            ShrinkPicture(in_base64(claimed_png(30_000, 30_000))),
            "it has too many pixels",
        ),
    ],
)
def test_whatever_a_file_does_is_an_answer(
    job: ReadPdf | ShrinkPicture, expected: str
) -> None:
    assert answer(job) == Unreadable(expected)


def test_a_file_that_needs_too_much_memory_is_an_answer() -> None:
    program = (
        "import resource\n"
        "from proxy.media.worker import answer\n"
        "from proxy.media.jobs import ShrinkPicture\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))\n"
        "print(answer(ShrinkPicture(input())).why)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        input=in_base64(picture(7000, 7000, "PNG", "RGBA")),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert printed.stdout == "it needs too much memory\n"


async def test_a_bomb_is_refused_by_a_worker_of_its_own(workers: Workers) -> None:
    assert await workers.do(BOMB) == Unreadable("it has too many pixels")


def test_a_worker_ends_with_its_input() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "proxy.media.worker"],
        cwd=ROOT,
        input=b"\0\0",
        capture_output=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_a_worker_has_no_framework_and_no_network() -> None:
    program = (
        "import sys, proxy.media.worker\n"
        "print({name.split('.')[0] for name in sys.modules} & "
        "{'django', 'ninja', 'aiohttp', 'httpx', 'channels', 'accounts', 'clients'})"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert printed.stdout == "set()\n"
