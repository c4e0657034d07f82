"""Reads files of strangers, in a process that has nothing to lose.

It knows no secret and no setting, opens no file, starts no process, and has
little memory and time. Whatever a file does to it, the gateway goes on.
"""

from __future__ import annotations

import base64
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import BinaryIO, assert_never

import msgspec
from PIL import Image

from proxy.media.jobs import (
    LENGTH,
    MOST_JOB_BYTES,
    Answer,
    Job,
    ReadPdf,
    ShrinkPicture,
    Unreadable,
    body_length,
    frame,
)
from proxy.media.pdf import read_pdf
from proxy.media.pictures import shrink

ADDRESS_SPACE = 2**30
OPEN_FILES = 32
# If the machine runs out of memory, this process goes first.
OUT_OF_MEMORY_SCORE = Path("/proc/self/oom_score_adj")
# Per job. The gateway stops a worker before that; this is for one it lost.
CPU_SECONDS = 60


def main() -> None:
    answers = _claim_output()
    _confine()
    decoder = msgspec.msgpack.Decoder(Job)
    while body := _next_body(sys.stdin.buffer):
        _grant_cpu_seconds()
        answers.write(frame(answer(decoder.decode(body))))
        answers.flush()


def answer(job: Job) -> Answer:
    try:
        data = base64.b64decode(job.data)
        match job:
            case ReadPdf():
                return read_pdf(data)
            case ShrinkPicture():
                return shrink(data)
            case _:
                assert_never(job)
    except MemoryError:
        return Unreadable("it needs too much memory")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Unreadable("it has too many pixels")
    except Exception:  # of any kind: nothing a file does is a fault of the worker
        return Unreadable("it is damaged")


def _claim_output() -> BinaryIO:
    """Standard output for answers alone; what a library prints goes elsewhere."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _confine() -> None:
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.init()  # loads the formats while files can still be opened at will
    if os.access(OUT_OF_MEMORY_SCORE, os.W_OK):
        OUT_OF_MEMORY_SCORE.write_text("1000")
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        resource.setrlimit(limit, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    if sys.platform != "darwin":  # which refuses to set it
        memory = _allowed(resource.RLIMIT_AS, ADDRESS_SPACE)
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _grant_cpu_seconds() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (_allowed(resource.RLIMIT_CPU, most), hard))


def _allowed(limit: int, most: int) -> int:
    """By whoever started the gateway, who may have set less."""
    _, hard = resource.getrlimit(limit)
    return most if hard == resource.RLIM_INFINITY else min(most, hard)


def _next_body(jobs: BinaryIO) -> bytes:
    """Empty at the end of the input."""
    prefix = jobs.read(LENGTH.size)
    if len(prefix) < LENGTH.size:
        return b""
    return jobs.read(body_length(prefix, MOST_JOB_BYTES))


if __name__ == "__main__":
    main()
