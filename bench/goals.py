"""What was set out to be reached, as ratio to the bare relay of the same run. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from bench import scenarios
from bench.figures import Figures, Row
from bench.report import RELAY, Goal, Results, added_delay

POSTGRES = "gateway, postgres"
BASE = "3 accounts, 1 key, no records"


def goals(results: Results) -> Iterator[Goal]:
    """Those that this run has figures for."""
    for scenario in (scenarios.PACED_100, scenarios.PACED_500):
        if pair := _pair(results, scenario.name):
            relay, ours = pair
            ratio = ours.cpu_us_an_event / relay.cpu_us_an_event
            yield Goal(f"CPU per paced event, {scenario.name}: × relay", 1.4, ratio)
    if pair := _pair(results, scenarios.LONG.name):
        relay, ours = pair
        ratio = ours.cpu_us_an_event / relay.cpu_us_an_event
        yield Goal("CPU per event back to back: × relay", 1.6, ratio)
    for name in (scenarios.SMALL.name, LIMITED):
        if pair := _pair(results, name):
            relay, ours = pair
            ratio = ours.cpu_ms_a_request / relay.cpu_ms_a_request
            yield Goal(f"CPU per request, {name}: × relay", 2.0, ratio)
    if row := results.row(scenarios.PACED_100.name):
        added = added_delay(row, POSTGRES)
        yield Goal("delay added at 100 paced streams, p99: × relay", 2.0, added)
    if pair := _pair(results, scenarios.ONE_BY_ONE.name):
        relay, ours = pair
        more = ours.first_byte_p50_ms - relay.first_byte_p50_ms
        yield Goal("first byte, p50: ms beyond the relay's", 4.0, more)
    if row := results.row(scenarios.PACED_500.name):
        ours = row.targets[POSTGRES]
        yield Goal("500 streams: failures", 0, len(row.failures))
        yield Goal("500 streams: threads", 40, ours.threads)
        yield Goal("500 streams: KB of memory each", 80, ours.rss_kb_a_stream)
    if pair := _pair(results, scenarios.CLAUDE_CODE.name):
        relay, ours = pair
        more = ours.cpu_ms_a_request - relay.cpu_ms_a_request
        yield Goal("request of 225 KB: ms of CPU beyond the relay's", 5.0, more)
    for database in ("postgres", "sqlite"):
        if row := results.row(flat_name(database)):
            yield from _flat(row)


LIMITED = "small, of a key with limits"


def flat_name(database: str) -> str:
    return f"small, {database}: as the tables grow"


def _flat(row: Row) -> Iterator[Goal]:
    base = row.targets[BASE].cpu_ms_a_request
    for name, seen in row.targets.items():
        if name != BASE:
            what = f"{row.scenario}, {name}: × {BASE}"
            yield Goal(what, 1.1, seen.cpu_ms_a_request / base)


def _pair(results: Results, scenario: str) -> tuple[Figures, Figures] | None:
    row = results.row(scenario)
    if row is None or POSTGRES not in row.targets:
        return None
    return row.targets[RELAY], row.targets[POSTGRES]
