"""What is asked of the targets, and how their rounds alternate."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from bench import bodies, driver, proc
from bench.figures import Figures, Row, medians, percentile
from bench.stage import Stage, Target
from bench.upstream import Script

AT_ONCE = 16
SETTLE_SECONDS = 1.5
"""Until what is written off the path has been written."""


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    body: bytes = field(repr=False)
    script: Script = Script()
    seconds: float = 2.0
    cycles: int = 3
    at_once: int = AT_ONCE
    streams: int = 0
    """Side by side, once each and begun within two seconds; 0: one after the other
    on `at_once` connections, as long as the time lasts."""

    def shorter(self, seconds: float) -> Scenario:
        events = self.script.events
        if self.streams:
            events = int(seconds / self.script.pace)
        script = Script(events, self.script.pace, self.script.kind)
        return Scenario(
            self.name, self.body, script, seconds, 1, self.at_once, self.streams
        )


def paced(streams: int, pace: float, cycles: int) -> Scenario:
    seconds = max(4.0, 8 * pace)
    return Scenario(
        f"{streams:,} streams, an event each {pace * 1000:g} ms",
        bodies.small(),
        Script(events=int(seconds / pace), pace=pace),
        cycles=cycles,
        streams=streams,
    )


ONE_BY_ONE = Scenario("small, one after the other", bodies.small(), at_once=1)
SMALL = Scenario("small: 20 events", bodies.small())
LONG = Scenario("long: 500 events back to back", bodies.small(), Script(events=500))
PACED_100 = paced(100, 0.02, cycles=2)
PACED_500 = paced(500, 0.2, cycles=2)
PACED_1000 = paced(1000, 0.5, cycles=1)
WHOLE = Scenario("not streamed", bodies.small(stream=False), cycles=2)
TOOLS = Scenario("tools", bodies.with_tools(), Script(kind="tool"), cycles=2)
CLAUDE_CODE = Scenario("request of 225 KB", bodies.claude_code())
PICTURE = Scenario(
    "request of 3 MB with a picture", bodies.with_picture(), cycles=2, at_once=4
)


def perform(
    stage: Stage,
    scenario: Scenario,
    targets: Sequence[Target],
    told: Callable[[str], None],
) -> Row:
    """In each cycle every target has its round, one after the other."""
    stage.play(scenario.script)
    row = Row(scenario.name, scenario.script.events)
    rounds: dict[str, list[Figures]] = {target.name: [] for target in targets}
    for cycle in range(scenario.cycles):
        told(f"{scenario.name}: {cycle + 1} of {scenario.cycles}")
        seen = [asyncio.run(_round(scenario, target)) for target in targets]
        time.sleep(SETTLE_SECONDS)
        for target, one in zip(targets, seen, strict=True):
            if target.settles:
                one.cpu_after = proc.cpu_seconds(target.pids)
        for one in seen:
            rounds[one.target].append(_figures(scenario, one, row))
    row.targets = {name: medians(measured) for name, measured in rounds.items()}
    for name, measured in rounds.items():
        # What a process once had, it keeps: only the first round shows its growth.
        row.targets[name].rss_kb_a_stream = measured[0].rss_kb_a_stream
    for failure in row.failures:
        told(failure)
    row.load = os.getloadavg()[0]
    return row


@dataclass(slots=True)
class _Seen:
    target: str
    answers: list[driver.Answer]
    seconds: float
    cpu_before: float
    cpu_after: float
    rss_before_kb: int
    rss_kb: int
    threads: int


async def _round(scenario: Scenario, target: Target) -> _Seen:
    request = request_of(scenario.body, target.keys)
    resting = proc.rss_kb(target.pids)
    watching = asyncio.create_task(_watch(target))
    cpu_before = proc.cpu_seconds(target.pids)
    began = time.monotonic()
    if scenario.streams:
        answers = await driver.all_at_once(
            target.port, request, scenario.streams, ramp=2.0
        )
    else:
        answers = await driver.by_time(
            target.port, request, scenario.at_once, scenario.seconds
        )
    seconds = time.monotonic() - began
    cpu_after = proc.cpu_seconds(target.pids)
    watching.cancel()
    await asyncio.wait((watching,))
    rss_kb, threads = watching.result()
    return _Seen(
        target.name,
        answers,
        seconds,
        cpu_before,
        cpu_after,
        resting,
        rss_kb,
        threads,
    )


async def _watch(target: Target) -> tuple[int, int]:
    """The most memory and threads, until it is cancelled."""
    rss_kb = threads = 0
    while True:
        rss_kb = max(rss_kb, proc.rss_kb(target.pids))
        threads = max(threads, proc.threads(target.pids))
        try:
            await asyncio.sleep(0.25)
        except asyncio.CancelledError:
            return rss_kb, threads


def request_of(body: bytes, keys: Sequence[str]) -> driver.Request:
    """By turns with each of the keys, and each time a little different."""
    heads = [
        b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: %b\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n"
        % (key.encode(), len(body))
        for key in keys
    ]
    before, _, after = body.rpartition(bodies.UNIQUE)

    def request(number: int) -> bytes:
        head = heads[number % len(heads)]
        return b"%b%b%010d%b" % (head, before, number, after)

    return request


def _figures(scenario: Scenario, seen: _Seen, row: Row) -> Figures:
    answers = seen.answers
    cpu = seen.cpu_after - seen.cpu_before
    whole = [answer for answer in answers if _is_whole(answer, scenario)]
    if len(whole) < len(answers):
        bad = next(answer for answer in answers if not _is_whole(answer, scenario))
        row.failures.append(
            f"{seen.target}: {len(answers) - len(whole)} of {len(answers)} failed: "
            f"{bad.data[:300]!r}"
        )
    count, events = len(answers), len(answers) * scenario.script.events
    first = [answer.first_byte / 1e6 for answer in whole]
    delays: list[float] = []
    if scenario.script.pace:
        delays = [d / 1e6 for d in chain.from_iterable(a.delays() for a in whole)]
    return Figures(
        requests=count,
        requests_a_second=count / seen.seconds,
        events_a_second=events / seen.seconds,
        cpu_ms_a_request=cpu * 1e3 / count,
        cpu_us_an_event=cpu * 1e6 / events,
        first_byte_p50_ms=percentile(first, 50),
        first_byte_p99_ms=percentile(first, 99),
        delay_p50_ms=percentile(delays, 50),
        delay_p99_ms=percentile(delays, 99),
        rss_mb=seen.rss_kb / 1024,
        rss_kb_a_stream=(seen.rss_kb - seen.rss_before_kb) / (scenario.streams or 1),
        threads=seen.threads,
    )


def _is_whole(answer: driver.Answer, scenario: Scenario) -> bool:
    if not answer.data.startswith(b"HTTP/1.1 200"):
        return False
    return len(driver.STAMP.findall(answer.body)) == scenario.script.texts
