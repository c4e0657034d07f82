"""What the gateway costs, beside a bare relay and the upstream itself.

`python -m bench` takes up to ten minutes, with --quick less than one. Prints tables
and writes them, as figures, to bench/results.json. Fails only if answers did.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import signal
import sys
import tempfile
import time
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from bench import names, pages, queries, scenarios
from bench.goals import BASE, LIMITED, flat_name, goals
from bench.report import Results, tables
from bench.scenarios import SMALL, Scenario, perform
from bench.stage import Stage, Target, stage
from bench.upstream import Script

RESULTS = Path(__file__).parent / "results.json"
PACKAGES = ("django", "django-ninja", "daphne", "twisted", "httpx-aiohttp", "aiohttp")
MANY_ACCOUNTS, MANY_KEYS, MANY_RECORDS = 1_000, 10_000, 1_000_000


class Bench:
    def __init__(self, on: Stage) -> None:
        self.stage = on
        self.results = Results(_machine())
        self._began = time.monotonic()

    def tell(self, what: str) -> None:
        seconds = time.monotonic() - self._began
        print(f"{seconds:4.0f} s  {what}", file=sys.stderr, flush=True)

    def run(self, scenario: Scenario, *targets: Target) -> None:
        row = perform(self.stage, scenario, targets, self.tell)
        self.results.rows.append(row)

    def quick(self) -> None:
        direct, relay, sqlite, postgres = self._usual()
        self._warm(relay, sqlite, postgres)
        for scenario in (SMALL, scenarios.LONG, scenarios.PACED_100):
            self.run(scenario.shorter(1.5), postgres, sqlite, relay, direct)
        self.run(scenarios.CLAUDE_CODE.shorter(1.5), postgres, relay)
        self._count_statements(postgres)

    def whole(self) -> None:
        usual = direct, relay, sqlite, postgres = self._usual()
        self._warm(relay, sqlite, postgres)
        # Memory first: what a process once had, it keeps.
        for paced in (scenarios.PACED_500, scenarios.PACED_1000):
            self.run(paced, postgres, relay, direct)
        self.run(scenarios.PACED_100, *reversed(usual))
        for scenario in (scenarios.ONE_BY_ONE, SMALL, scenarios.LONG):
            self.run(scenario, *reversed(usual))
        for scenario in (
            scenarios.WHOLE,
            scenarios.TOOLS,
            scenarios.CLAUDE_CODE,
            scenarios.PICTURE,
        ):
            self.run(scenario, postgres, sqlite, relay)
        limited = postgres.with_keys(postgres.name, [names.key(1)])
        self.run(replace(SMALL, name=LIMITED, cycles=2), limited, relay)
        failing = Script(failing=names.access_token(0))
        name = "small, the first account fails"
        failing_over = replace(SMALL, name=name, script=failing, cycles=2)
        self.run(failing_over, postgres, sqlite, relay)
        self._count_statements(postgres)
        self._count_statements(limited.with_keys(LIMITED, limited.keys))
        self._look_at_pages(postgres)
        self._stop(relay, sqlite, postgres)
        self._two_processes()
        for database in ("postgres", "sqlite"):
            self._as_tables_grow(database)

    def _usual(self) -> tuple[Target, Target, Target, Target]:
        self.tell("starting relay and gateways")
        make = self.stage
        return (
            make.upstream,
            make.relay(),
            make.gateway("sqlite"),
            make.gateway("postgres"),
        )

    def _warm(self, *targets: Target) -> None:
        perform(self.stage, SMALL.shorter(0.5), targets, self.tell)

    def _stop(self, *targets: Target) -> None:
        for target in targets:
            self.stage.stop(target)

    def _count_statements(self, target: Target) -> None:
        self.tell("counting statements")
        counted = queries.statements(self.stage, target)
        self.results.statements[target.name] = counted

    def _look_at_pages(self, target: Target) -> None:
        self.tell(f"pages: {target.name}")
        self.results.pages += pages.look(target)

    def _two_processes(self) -> None:
        self.tell("starting two processes each")
        two = (
            self.stage.gateway("postgres", processes=2),
            self.stage.relay(processes=2),
        )
        self._warm(*two)
        for scenario in (SMALL, scenarios.LONG):
            name = f"{scenario.name}; two processes"
            self.run(replace(scenario, name=name, cycles=2), *two)
        self._stop(*two)

    def _as_tables_grow(self, database: str) -> None:
        self.tell(f"filling {database}")

        def gateway(name: str, **wanted: int | str) -> Target:
            return self.stage.gateway(database, name, **wanted)

        base = gateway(BASE)
        accounts = gateway("1,000 accounts", accounts=MANY_ACCOUNTS)
        keys = gateway("10,000 keys", keys=MANY_KEYS)
        records = gateway("1,000,000 records", records=MANY_RECORDS)
        every_key = keys.with_keys(
            "10,000 keys in turn", [names.key(i) for i in range(MANY_KEYS)]
        )
        in_turn = {"strategy": "round_robin"}
        few_in_turn = gateway("3 accounts, round robin", **in_turn)
        many_in_turn = gateway(
            "1,000 accounts, round robin", accounts=MANY_ACCOUNTS, **in_turn
        )
        self._warm(base, accounts, keys, records, few_in_turn, many_in_turn)
        small = replace(SMALL, seconds=1.0)
        self.run(
            replace(small, name=flat_name(database)), base, accounts, keys, records
        )
        self.run(replace(small, name=f"small, {database}: every key"), base, every_key)
        self.run(
            replace(small, name=f"small, {database}: round robin"),
            few_in_turn,
            many_in_turn,
        )
        for target in (base, accounts, records):
            self._look_at_pages(
                target.with_keys(f"{database}, {target.name}", target.keys)
            )
        self._stop(base, accounts, keys, records, few_in_turn, many_in_turn)


def _machine() -> dict[str, str | float]:
    cpu = next(
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return {
        "machine": f"{cpu}, {os.cpu_count()} cores",
        "software": f"Linux {platform.release()}, CPython {platform.python_version()}, "
        f"{packages}",
        "load average at the start": os.getloadavg()[0],
    }


def main() -> int:
    arguments = argparse.ArgumentParser("python -m bench", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="under a minute")
    quick = arguments.parse_args().quick
    # So that what was started is ended, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("stopped"))
    gc.disable()  # a pause of ours would be counted as theirs
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="kiro2api-bench-") as folder,
        stage(Path(folder)) as on,
    ):
        bench = Bench(on)
        if quick:
            bench.quick()
        else:
            bench.whole()
    results = bench.results
    results.seconds = time.monotonic() - began
    reached = list(goals(results))
    RESULTS.write_text(json.dumps(asdict(results), indent=1) + "\n")
    print(tables(results, reached))
    return int(any(row.failures for row in results.rows))


if __name__ == "__main__":
    sys.exit(main())
