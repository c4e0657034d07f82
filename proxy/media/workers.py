"""A few worker processes, kept warm: starting one takes half a second."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import msgspec

from proxy.media.jobs import (
    LENGTH,
    MOST_ANSWER_BYTES,
    Answer,
    FrameTooLarge,
    Job,
    Unreadable,
    body_length,
    frame,
)

logger = logging.getLogger(__name__)

MOST_WORKERS = 2
JOBS_PER_LIFE = 100
SECONDS = 20.0

_ROOT = Path(__file__).resolve().parents[2]
# What an interpreter may need to start. Above all no secret of ours.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME")
_FAILED = Unreadable("its reader failed", passing=True)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


class Workers:
    """Of one event loop."""

    def __init__(self, seconds: float = SECONDS, jobs: int = JOBS_PER_LIFE) -> None:
        """A job may take so many seconds, and a worker do so many jobs."""
        self._seconds = seconds
        self._jobs = jobs
        self._slots = asyncio.Semaphore(MOST_WORKERS)
        self._idle: list[_Worker] = []

    async def do(self, job: Job) -> Answer:
        """Waits for a free worker. A worker that fails is no error of the job's
        sender: the file did it."""
        async with self._slots:
            try:
                worker = await self._next_worker()
            except OSError:
                logger.exception("a media worker could not be started")
                return _FAILED
            try:
                async with asyncio.timeout(self._seconds):
                    answer = await worker.ask(job)
            except TimeoutError:
                await worker.stop()
                return Unreadable("it takes too long", passing=True)
            except (EOFError, OSError, FrameTooLarge, msgspec.MsgspecError) as failure:
                await worker.stop()
                logger.warning("a media worker failed: %s", type(failure).__name__)
                return _FAILED
            except BaseException:
                await worker.stop()
                raise
            self._idle.append(worker)
            return answer

    async def close(self) -> None:
        """Stop the idle workers; one at work is stopped by who cancels its job."""
        while self._idle:
            await self._idle.pop().stop()

    async def _next_worker(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.jobs_done < self._jobs and worker.alive:
                return worker
            await worker.stop()
        return await _Worker.start()


class _Worker:
    def __init__(self, process: Process) -> None:
        self.jobs_done = 0
        self._process = process

    @classmethod
    async def start(cls) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "proxy.media.worker"),
            cwd=_ROOT,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # where a library would quote the file
            start_new_session=True,  # a Ctrl-C is ours; its input ends with us
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, job: Job) -> Answer:
        """Raises EOFError if the worker dies of it."""
        jobs, answers = self._process.stdin, self._process.stdout
        assert jobs and answers
        jobs.write(frame(job))
        await jobs.drain()
        prefix = await answers.readexactly(LENGTH.size)
        body = await answers.readexactly(body_length(prefix, MOST_ANSWER_BYTES))
        self.jobs_done += 1
        return _answers.decode(body)

    async def stop(self) -> None:
        """It has nothing to save."""
        if self.alive:
            self._process.kill()
        if self._process.stdin:
            self._process.stdin.close()
        await self._process.communicate()
