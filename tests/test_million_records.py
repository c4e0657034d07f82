"""A million records on Postgres: every page reads by an index, or from the hours."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from simulator.control import Control
from tests import million
from tests.conftest import IMPORTED
from tests.million import PAGES
from tests.onpostgres import prepared_on
from tests.processes import running_gateway, until

pytestmark = pytest.mark.load

# Two pages are by session: 10,800 requests of a day and 75,600 of a week, each read
# for the busiest and for their steps. All the others together read a tenth of it.
ROWS_MOST = 250_000

SCANS = """
SELECT coalesce(seq_scan, 0), coalesce(idx_scan, 0), coalesce(idx_tup_fetch, 0)
FROM pg_stat_user_tables WHERE relname = %s
"""


def test_no_page_reads_all_records(
    database: str, simulator_running: Control, tmp_path: Path
):
    env = prepared_on(database, tmp_path, simulator_running.url, IMPORTED)
    million.fill(database)
    with (
        psycopg.connect(database, autocommit=True) as connection,
        running_gateway(env) as gateway,
        closing(million.signed_in(gateway)) as http,
    ):

        def scans(table: str) -> tuple[int, ...]:
            (found,) = connection.execute(SCANS, [table])
            return found

        connection.execute("SELECT pg_stat_reset()")
        for path in PAGES:
            http.get(path).raise_for_status()
        # Each page reads the session: once all that is told, the rest is, too.
        until(lambda: sum(scans("django_session")[:2]) >= len(PAGES))
        whole, by_index, rows = scans("clients_usagerecord")
        assert whole == 0
        assert by_index >= len(PAGES)
        assert rows <= ROWS_MOST
